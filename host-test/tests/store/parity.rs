//! The store and the emulator answer the same requests alike, but where the emulator is known to
//! differ from the service.

use everblob_host::store::{StoreOptions, start};

use crate::client::{Ask, Client};
use crate::referee::Azurite;

const A: &str = "11111111-1111-1111-1111-111111111111";
const B: &str = "22222222-2222-2222-2222-222222222222";

type Outcomes = Vec<(&'static str, u16, String)>;

/// Sends requests one by one and keeps what came of each.
struct Play {
    client: Client,
    outcomes: Outcomes,
}

impl Play {
    async fn step(&mut self, name: &'static str, ask: Ask) {
        let reply = ask.send().await;
        // The emulator leaves the code out where the status says it all.
        let code = reply.header("x-ms-error-code").to_owned();
        self.outcomes.push((name, reply.status, code));
    }

    async fn etag(&self, path: &str) -> String {
        self.client.ask("HEAD", path).send().await.header("etag").to_owned()
    }
}

async fn play(address: impl ToString) -> Outcomes {
    let client = Client::new(address);
    let mut play = Play { client: client.clone(), outcomes: Vec::new() };
    containers(&mut play, &client).await;
    appends(&mut play, &client).await;
    conditions(&mut play, &client).await;
    leases(&mut play, &client).await;
    sealing(&mut play, &client).await;
    play.outcomes
}

async fn containers(play: &mut Play, c: &Client) {
    play.step("list a missing container", c.list()).await;
    play.step("create in a missing container", c.create("/logs/app/1")).await;
    play.step("create the container", c.create_container()).await;
    play.step("create it again", c.create_container()).await;
    let look = || c.ask("GET", "/logs").query("restype", "container");
    play.step("look at it", look()).await;
    play.step("list nothing", c.list()).await;
}

async fn appends(play: &mut Play, c: &Client) {
    let app = "/logs/app/1";
    play.step("append to nothing", c.append(app, "a")).await;
    play.step("look at nothing", c.ask("HEAD", app)).await;
    play.step("read nothing", c.ask("GET", app)).await;
    play.step("create", c.create(app).header("if-none-match", "*")).await;
    play.step("create again", c.create(app).header("if-none-match", "*")).await;
    play.step("append", c.append(app, "hello")).await;
    let at =
        |position: &str| c.append(app, "more").header("x-ms-blob-condition-appendpos", position);
    play.step("append at the wrong position", at("4")).await;
    play.step("append at the right position", at("5")).await;
    let up_to = |size: &str| c.append(app, "abc").header("x-ms-blob-condition-maxsize", size);
    play.step("append past the size", up_to("11")).await;
    play.step("append up to the size", up_to("12")).await;
    let crc = |crc: &str| c.append(app, "hello world\n").header("x-ms-content-crc64", crc);
    play.step("append with its checksum", crc("H6LSgYQOeA8=")).await;
    play.step("append with another checksum", crc("PPzLtEWEL4w=")).await;
    let md5 = c.append(app, "a").header("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==");
    play.step("append with another MD5", md5).await;
    let range = |range: &str| c.ask("GET", app).header("x-ms-range", range);
    play.step("read a range", range("bytes=2-4")).await;
    play.step("read past the end", range("bytes=2-400")).await;
    play.step("read behind the end", range("bytes=4000-")).await;
    play.step("list", c.list().query("prefix", "app/").query("maxresults", "1")).await;
    let bad = c.ask("PUT", app).query("comp", "metadata").header("x-ms-meta-1a", "x");
    play.step("set bad metadata", bad).await;
    let good = c.ask("PUT", app).query("comp", "metadata").header("x-ms-meta-a1", "x");
    play.step("set metadata", good).await;
    play.step("put another kind", c.put("/logs/block", "text")).await;
    play.step("append to another kind", c.append("/logs/block", "a")).await;
    let seal = c.ask("PUT", "/logs/block").query("comp", "seal");
    play.step("seal another kind", seal).await;
    play.step("put over an append blob", c.put("/logs/app/2", "text")).await;
    play.step("create over another kind", c.create("/logs/block")).await;
    play.step("append to what it was", c.append("/logs/block", "a")).await;
    play.step("delete", c.ask("DELETE", "/logs/block")).await;
    play.step("delete again", c.ask("DELETE", "/logs/block")).await;
}

async fn conditions(play: &mut Play, c: &Client) {
    let app = "/logs/conditions";
    play.step("create if it is there", c.create(app).header("if-match", "*")).await;
    play.step("create", c.create(app)).await;
    let etag = play.etag(app).await;
    let append = |etag: &str| c.append(app, "abc").header("if-match", etag);
    play.step("append under the ETag", append(&etag)).await;
    play.step("append under the old ETag", append(&etag)).await;
    let set = |etag: &str| c.ask("PUT", app).query("comp", "metadata").header("if-match", etag);
    let now = play.etag(app).await;
    play.step("set metadata under the old ETag", set(&etag)).await;
    play.step("set metadata under the ETag", set(&now)).await;
    play.step("append under the ETag before", append(&now)).await;
    play.step("append under any ETag", append("*")).await;
    let now = play.etag(app).await;
    play.step("read if it changed", c.ask("GET", app).header("if-none-match", &now)).await;
    play.step("read if it did not", c.ask("GET", app).header("if-match", &etag)).await;
    play.step("look if it changed", c.ask("HEAD", app).header("if-none-match", &now)).await;
    let delete = c.ask("DELETE", app).header("if-match", &etag);
    play.step("delete under the old ETag", delete).await;
    let both = append(&now).header("if-none-match", "\"0x1\"");
    play.step("append under two conditions", both).await;
    let replace = c.create(app).header("if-match", &etag);
    play.step("replace under the old ETag", replace).await;
    let replace = c.create(app).header("if-none-match", &now);
    play.step("replace unless it is this", replace).await;
    play.step("replace under the ETag", c.create(app).header("if-match", &now)).await;
}

async fn leases(play: &mut Play, c: &Client) {
    let app = "/logs/leases";
    play.step("lease nothing", acquire(c, app, A)).await;
    play.step("create", c.create(app)).await;
    let with = |ask: Ask, id: &str| ask.header("x-ms-lease-id", id);
    let lease = |action: &str, id: &str| with(c.lease(app, action), id);
    let change = |from: &str, to: &str| lease("change", from).header("x-ms-proposed-lease-id", to);
    let end = |period: &str| c.lease(app, "break").header("x-ms-lease-break-period", period);
    play.step("break no lease", c.lease(app, "break")).await;
    play.step("renew no lease", lease("renew", A)).await;
    play.step("release no lease", lease("release", A)).await;
    play.step("change no lease", change(A, B)).await;
    play.step("append with no lease", with(c.append(app, "a"), A)).await;
    play.step("acquire", acquire(c, app, A)).await;
    play.step("acquire again", acquire(c, app, A)).await;
    play.step("acquire for another", acquire(c, app, B)).await;
    play.step("append without", c.append(app, "a")).await;
    play.step("append with another", with(c.append(app, "a"), B)).await;
    play.step("append with", with(c.append(app, "a"), A)).await;
    play.step("create without", c.create(app)).await;
    play.step("delete without", c.ask("DELETE", app)).await;
    play.step("read with another", with(c.ask("GET", app), B)).await;
    play.step("renew", lease("renew", A)).await;
    play.step("renew another", lease("renew", B)).await;
    play.step("change", change(A, B)).await;
    play.step("change again", change(A, B)).await;
    play.step("release another", lease("release", A)).await;
    play.step("break slowly", end("60")).await;
    play.step("append while breaking", with(c.append(app, "a"), B)).await;
    play.step("acquire while breaking", acquire(c, app, B)).await;
    play.step("acquire another while breaking", acquire(c, app, A)).await;
    play.step("renew while breaking", lease("renew", B)).await;
    play.step("change while breaking", change(B, A)).await;
    play.step("break at once", end("0")).await;
    play.step("renew when broken", lease("renew", B)).await;
    play.step("append with the broken", with(c.append(app, "a"), B)).await;
    play.step("append when broken", c.append(app, "a")).await;
    play.step("acquire when broken", acquire(c, app, A)).await;
    play.step("release", lease("release", A)).await;
    play.step("append when released", c.append(app, "a")).await;
}

fn acquire(c: &Client, path: &str, id: &str) -> Ask {
    let acquire = c.lease(path, "acquire").header("x-ms-lease-duration", "60");
    acquire.header("x-ms-proposed-lease-id", id)
}

async fn sealing(play: &mut Play, c: &Client) {
    let app = "/logs/sealing";
    play.step("create", c.create(app)).await;
    play.step("append", c.append(app, "abc")).await;
    let seal = || c.ask("PUT", app).query("comp", "seal");
    play.step("seal under another ETag", seal().header("if-match", "\"0x1\"")).await;
    play.step("seal", seal()).await;
    play.step("seal again", seal()).await;
    play.step("append", c.append(app, "abc")).await;
    let wrong = c.append(app, "abc").header("x-ms-blob-condition-appendpos", "0");
    play.step("append at the wrong position", wrong).await;
    let set = c.ask("PUT", app).query("comp", "metadata").header("x-ms-meta-a", "x");
    play.step("set metadata", set).await;
    play.step("create over it", c.create(app)).await;
    play.step("append to the new one", c.append(app, "abc")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_answers_as_the_emulator_where_that_is_like_the_service() {
    let azurite = tokio::task::spawn_blocking(Azurite::start).await.unwrap();
    let store = start(StoreOptions::default()).await.unwrap();
    let (theirs, ours) = (play(azurite.address()).await, play(store.address()).await);
    let different: Vec<_> =
        theirs.iter().zip(&ours).filter(|(theirs, ours)| theirs != ours).collect();
    assert!(different.is_empty(), "emulator, store: {different:#?}");
    assert!(ours.len() > 80, "{}", ours.len());
}
