//! A handle to append to one stream: the WIT resource `appender` in an instance of its own.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use wasmtime::Store;
use wasmtime::component::ResourceAny;

use super::bindings::exports::everblob::append::append_stream as wit;
use super::{Component, Error, Footprint, State, bindings, stream};
use crate::address::StreamAddress;
use crate::credential::Credential;

/// Appends to one stream.
///
/// The methods are those of the WIT resource, which documents them. Each is a call into the
/// component, which runs only while one of them is being awaited. A future that is dropped before
/// it is done leaves the instance unusable: give the methods a timeout instead.
///
/// Dropping the handle abandons whatever is not committed.
pub struct Appender {
    store: Store<State>,
    world: bindings::Everblob,
    resource: ResourceAny,
    activity: Arc<Notify>,
}

/// Gives the typed access to the resource's methods; a macro because each borrows the store beside
/// the bindings.
macro_rules! call {
    ($self:ident.$method:ident($($argument:expr),*)) => {
        $self
            .world
            .everblob_append_append_stream()
            .appender()
            .$method(&mut $self.store, $self.resource $(, $argument)*)
            .await
    };
}

impl Appender {
    /// Opens a stream and waits until every older appender is shut out.
    ///
    /// # Errors
    /// As the WIT says of `open`.
    pub async fn open(
        component: &Component,
        address: &StreamAddress,
        credential: &Credential,
        options: &stream::Options,
    ) -> Result<Self, Error> {
        let mut instance = Instance::new(component).await?;
        let interface = instance.world.everblob_append_append_stream();
        let (location, credential) = (location(address), lower(credential));
        let resource = interface
            .appender()
            .call_open(&mut instance.store, &location, &credential, options)
            .await??;
        Ok(instance.with(resource))
    }

    /// Begins to open a stream and does not wait. [`Self::drive`] brings it on.
    ///
    /// # Errors
    /// As the WIT says of `start`.
    pub async fn start(
        component: &Component,
        address: &StreamAddress,
        credential: &Credential,
        options: &stream::Options,
    ) -> Result<Self, Error> {
        let mut instance = Instance::new(component).await?;
        let interface = instance.world.everblob_append_append_stream();
        let (location, credential) = (location(address), lower(credential));
        let resource = interface
            .appender()
            .call_start(&mut instance.store, &location, &credential, options)
            .await??;
        Ok(instance.with(resource))
    }

    /// Rung whenever an answer, a failure, or room for more of a request has come, which the next
    /// call takes up. One waiter at a time.
    pub fn activity(&self) -> Arc<Notify> {
        Arc::clone(&self.activity)
    }

    /// Takes all of `data` or none of it; answers the stream offset past its last byte.
    ///
    /// # Errors
    /// As the WIT says.
    pub async fn append(&mut self, data: &[u8]) -> Result<u64, Error> {
        Ok(call!(self.call_append(data))??)
    }

    /// Commits everything accepted so far. Waits for `timeout`, or as long as there is patience.
    ///
    /// # Errors
    /// As the WIT says.
    pub async fn flush(&mut self, timeout: Option<Duration>) -> Result<stream::Position, Error> {
        Ok(call!(self.call_flush(timeout.map(nanoseconds)))??)
    }

    /// Gives the stream up to `time`.
    ///
    /// # Errors
    /// As the WIT says.
    pub async fn drive(&mut self, time: Duration) -> Result<stream::Position, Error> {
        Ok(call!(self.call_drive(nanoseconds(time)))??)
    }

    /// Commits everything accepted so far and closes the current segment.
    ///
    /// # Errors
    /// As the WIT says.
    pub async fn rollover(&mut self, timeout: Option<Duration>) -> Result<stream::Position, Error> {
        Ok(call!(self.call_rollover(timeout.map(nanoseconds)))??)
    }

    /// Merges small blocks into large ones. Answers the numbers of blocks before and after, and
    /// the bytes moved.
    ///
    /// # Errors
    /// As the WIT says.
    pub async fn compact(&mut self, timeout: Option<Duration>) -> Result<(u32, u32, u64), Error> {
        let report = call!(self.call_compact(timeout.map(nanoseconds)))??;
        Ok((report.blocks_before, report.blocks_after, report.bytes_moved))
    }

    /// Commits everything accepted so far and ends the stream for good.
    ///
    /// # Errors
    /// As the WIT says.
    pub async fn seal(&mut self, timeout: Option<Duration>) -> Result<stream::Position, Error> {
        Ok(call!(self.call_seal(timeout.map(nanoseconds)))??)
    }

    /// Commits everything accepted so far and closes the handle.
    ///
    /// # Errors
    /// As the WIT says. The handle is then still open.
    pub async fn close(&mut self, timeout: Option<Duration>) -> Result<stream::Position, Error> {
        Ok(call!(self.call_close(timeout.map(nanoseconds)))??)
    }

    /// Replaces the credential for requests that have yet to start.
    ///
    /// # Errors
    /// As the WIT says.
    pub async fn set_credential(&mut self, credential: &Credential) -> Result<(), Error> {
        let credential = lower(credential);
        Ok(call!(self.call_set_credential(&credential))??)
    }

    /// Where the stream stands.
    ///
    /// # Errors
    /// [`Error::Component`].
    pub async fn position(&mut self) -> Result<stream::Position, Error> {
        Ok(call!(self.call_position())?)
    }

    /// What opening the stream has found, or `None` if it is not open yet.
    ///
    /// # Errors
    /// [`Error::Component`].
    pub async fn info(&mut self) -> Result<Option<stream::Info>, Error> {
        Ok(call!(self.call_info())?)
    }

    /// The segments that this handle has appended to or created, oldest first.
    ///
    /// # Errors
    /// [`Error::Component`].
    pub async fn segments(&mut self) -> Result<Vec<stream::Segment>, Error> {
        Ok(call!(self.call_segments())?)
    }

    /// What the handle has done.
    ///
    /// # Errors
    /// [`Error::Component`].
    pub async fn stats(&mut self) -> Result<stream::Stats, Error> {
        Ok(call!(self.call_stats())?)
    }

    /// What the instance holds of this process.
    pub fn footprint(&mut self) -> Footprint {
        let State { table, memory, .. } = self.store.data_mut();
        Footprint { memory_bytes: memory.bytes, resources: table.iter_mut().count() }
    }
}

/// An instance of the component that has no stream yet.
struct Instance {
    store: Store<State>,
    world: bindings::Everblob,
    activity: Arc<Notify>,
}

impl Instance {
    async fn new(component: &Component) -> Result<Self, Error> {
        let activity = Arc::new(Notify::new());
        let mut store = component.store(&activity);
        let world = component.instances.instantiate_async(&mut store).await?;
        Ok(Self { store, world, activity })
    }

    fn with(self, resource: ResourceAny) -> Appender {
        let Self { store, world, activity } = self;
        Appender { store, world, resource, activity }
    }
}

fn location(address: &StreamAddress) -> wit::Location {
    wit::Location {
        endpoint: address.endpoint().into(),
        container: address.container().into(),
        name: address.name().into(),
    }
}

fn lower(credential: &Credential) -> wit::Credential {
    match credential {
        Credential::SharedAccessSignature(token) => {
            wit::Credential::SharedAccessSignature(token.expose().into())
        }
        Credential::Bearer(token) => wit::Credential::Bearer(token.expose().into()),
        Credential::SharedKey { account, key } => wit::Credential::SharedKey(wit::SharedKey {
            account: account.clone(),
            key: key.expose().into(),
        }),
    }
}

/// WASI counts in nanoseconds; a longer time than fits is as good as for ever.
fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
