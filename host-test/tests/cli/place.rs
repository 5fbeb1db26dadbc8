//! Where the suite runs: a service, a container of its own in it, and the credential of the runs.
//!
//! Emulators are shared by all tests that do not ask for one of their own; containers are not.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use everblob_host::credential::DEVELOPMENT_ACCOUNT;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::program::{Ended, Running, Store, everblob, finish};
use crate::referee::Azurite;
use crate::referee::credential::{account_sas, bearer_token, container_sas};
use crate::sdk;

const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'/');

/// What answers.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Service {
    /// The local store, over http.
    LocalStore,
    /// The emulator, over http.
    Emulator,
    /// The emulator, over https.
    SecureEmulator,
}

/// What the runs may do, and by which credential.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Access {
    /// The development account's key, which is found when nothing else is.
    Key,
    /// A SAS for the container, in the URL.
    ContainerSas,
    /// A SAS for the account, in the URL.
    AccountSas,
    /// A bearer token in `AZURE_STORAGE_BEARER_TOKEN`.
    Token,
    /// A bearer token in the file that `AZURE_STORAGE_BEARER_TOKEN_FILE` names.
    TokenFile,
}

enum Server {
    Store(Store),
    Emulator(Azurite),
    Shared(&'static Azurite),
}

/// A service, a container in it, and a credential.
pub(crate) struct Place {
    server: Arc<Server>,
    service: Service,
    access: Access,
    container: String,
    is_credential_wrong: bool,
    folder: tempfile::TempDir,
}

impl Place {
    /// In an emulator that others use at the same time.
    pub(crate) fn shared(service: Service, access: Access) -> Self {
        static EMULATOR: OnceLock<Azurite> = OnceLock::new();
        static SECURE: OnceLock<Azurite> = OnceLock::new();
        let server = match service {
            Service::LocalStore => Server::Store(Store::in_memory()),
            Service::Emulator => Server::Shared(EMULATOR.get_or_init(Azurite::start)),
            Service::SecureEmulator => Server::Shared(SECURE.get_or_init(Azurite::secure)),
        };
        Self::at(server, service, access)
    }

    /// With an emulator of its own, whose memory is free again at the end.
    pub(crate) fn alone(service: Service, access: Access) -> Self {
        let server = match service {
            Service::LocalStore => Server::Store(Store::in_memory()),
            Service::Emulator => Server::Emulator(Azurite::start()),
            Service::SecureEmulator => Server::Emulator(Azurite::secure()),
        };
        Self::at(server, service, access)
    }

    fn at(server: Server, service: Service, access: Access) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let container = format!("logs-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let place = Self::of(Arc::new(server), service, access, container, false);
        if !place.may_make_containers() {
            let owner = place.with_key();
            owner.append("so that there is a container", &[], b"x");
        }
        place
    }

    fn of(
        server: Arc<Server>,
        service: Service,
        access: Access,
        container: String,
        is_credential_wrong: bool,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        if let Some(roots) = server.roots() {
            std::fs::write(folder.path().join("roots.pem"), roots).unwrap();
        }
        Self { server, service, access, container, is_credential_wrong, folder }
    }

    /// The same container for who has the account key.
    pub(crate) fn with_key(&self) -> Self {
        let (server, container) = (Arc::clone(&self.server), self.container.clone());
        Self::of(server, self.service, Access::Key, container, false)
    }

    /// The same container for who has a credential that looks like this one.
    pub(crate) fn with_wrong_credential(&self) -> Self {
        let (server, container) = (Arc::clone(&self.server), self.container.clone());
        Self::of(server, self.service, self.access, container, true)
    }

    /// A container that is not there.
    pub(crate) fn without_container(&self) -> Self {
        let (server, container) = (Arc::clone(&self.server), format!("{}-no", self.container));
        Self::of(server, self.service, self.access, container, false)
    }

    /// Whether the credential is enough for it.
    pub(crate) fn may_make_containers(&self) -> bool {
        self.access != Access::ContainerSas
    }

    /// The code of a refusal because of [`Self::with_wrong_credential`].
    pub(crate) fn wrong_credential_code(&self) -> &'static str {
        let is_sas = matches!(self.access, Access::ContainerSas | Access::AccountSas);
        match self.service {
            // One code for all that is wrong with a signature.
            Service::Emulator => "access-denied",
            Service::SecureEmulator if is_sas => "access-denied",
            // It knows tokens, and takes what else there is for a wrong one.
            Service::SecureEmulator | Service::LocalStore => "unauthenticated",
        }
    }

    /// Host and port.
    pub(crate) fn address(&self) -> &str {
        match &*self.server {
            Server::Store(store) => store.address(),
            Server::Emulator(azurite) => azurite.address(),
            Server::Shared(azurite) => azurite.address(),
        }
    }

    fn endpoint(&self) -> String {
        match &*self.server {
            Server::Store(store) => format!("http://{}/devstoreaccount1", store.address()),
            Server::Emulator(azurite) => azurite.endpoint().to_owned(),
            Server::Shared(azurite) => azurite.endpoint().to_owned(),
        }
    }

    /// What makes the service's certificate trusted, over https.
    fn roots(&self) -> Option<PathBuf> {
        self.server.roots().map(|_| self.folder.path().join("roots.pem"))
    }

    /// The URL of a stream, with the credential if that is a SAS.
    pub(crate) fn url(&self, name: &str) -> String {
        let name = utf8_percent_encode(name, PATH);
        let url = format!("{}/{}/{name}", self.endpoint(), self.container);
        let url = match self.access {
            Access::ContainerSas => format!("{url}?{}", container_sas(&self.container)),
            Access::AccountSas => format!("{url}?{}", account_sas()),
            Access::Key | Access::Token | Access::TokenFile => url,
        };
        if self.is_credential_wrong { url.replace("sig=", "sig=x") } else { url }
    }

    /// The program, trusting the service and with the credential unless that is in the URL.
    pub(crate) fn program(&self, args: &[&str]) -> Command {
        let mut command = everblob(args);
        if let Some(roots) = self.roots() {
            command.env("SSL_CERT_FILE", roots);
        }
        let token = || if self.is_credential_wrong { "x.y.z".into() } else { bearer_token() };
        match self.access {
            Access::Key if self.is_credential_wrong => {
                command.env("AZURE_STORAGE_ACCOUNT", DEVELOPMENT_ACCOUNT);
                command.env("AZURE_STORAGE_KEY", "c2VjcmV0");
            }
            Access::Key | Access::ContainerSas | Access::AccountSas => {}
            Access::Token => {
                command.env("AZURE_STORAGE_BEARER_TOKEN", token());
            }
            Access::TokenFile => {
                let file = self.folder.path().join("token");
                std::fs::write(&file, token()).unwrap();
                command.env("AZURE_STORAGE_BEARER_TOKEN_FILE", file);
            }
        }
        command
    }

    /// A command for a stream, not started.
    pub(crate) fn command(&self, command: &str, name: &str, options: &[&str]) -> Command {
        self.program(&[&[command, &self.url(name)], options].concat())
    }

    /// Runs a command for a stream to its end.
    pub(crate) fn run(&self, command: &str, name: &str, options: &[&str], input: &[u8]) -> Ended {
        finish(self.command(command, name, options).spawn().unwrap(), input)
    }

    /// Starts a command for a stream.
    pub(crate) fn start(&self, command: &str, name: &str, options: &[&str]) -> Running {
        Running::of(self.command(command, name, options))
    }

    /// Appends `input` to a new or existing stream, expects that to work, and answers the report.
    #[track_caller]
    pub(crate) fn append(&self, name: &str, options: &[&str], input: &[u8]) -> Value {
        let options = [&["--create-container", "--json"], options].concat();
        self.run("append", name, &options, input).with_status(0).json()
    }

    /// The bytes of a stream.
    #[track_caller]
    pub(crate) fn cat(&self, name: &str) -> Vec<u8> {
        self.run("cat", name, &[], b"").with_status(0).stdout
    }

    /// What `stat --json` says.
    #[track_caller]
    pub(crate) fn stat(&self, name: &str) -> Value {
        self.run("stat", name, &["--json"], b"").with_status(0).json()
    }

    /// A program that uses the service's own SDK, with the account key, on the stream or blob.
    pub(crate) fn sdk(&self, script: &str, args: &[&str], name: &str) -> Command {
        let mut node = sdk::script(script, args, &self.endpoint(), &self.container, name);
        node.envs(self.roots().map(|roots| ("NODE_EXTRA_CA_CERTS", roots)));
        node
    }

    /// The bytes of a stream as the SDK reads them.
    #[track_caller]
    pub(crate) fn read_by_sdk(&self, name: &str) -> Vec<u8> {
        sdk::output(self.sdk("read.mjs", &[], name))
    }

    /// The sizes of the blocks that a block blob has for the SDK.
    #[track_caller]
    pub(crate) fn sizes_by_sdk(&self, name: &str) -> Vec<u64> {
        sdk::block_sizes(&sdk::output(self.sdk("blob.mjs", &["show"], name)))
    }
}

impl Server {
    fn roots(&self) -> Option<&str> {
        match self {
            Self::Store(_) => None,
            Self::Emulator(azurite) => azurite.roots(),
            Self::Shared(azurite) => azurite.roots(),
        }
    }
}
