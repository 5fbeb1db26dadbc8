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

    /// Keeps as well which blocks there are: those of the blob, and those that are staged.
    async fn look(&mut self, name: &'static str, path: &str) {
        let reply = self.client.blocks(path, "all").send().await;
        let blocks = match reply.status {
            200 => reply.header("x-ms-blob-content-length").to_owned() + &shown(reply.text()),
            _ => reply.header("x-ms-error-code").to_owned(),
        };
        self.outcomes.push((name, reply.status, blocks));
    }

    /// Keeps as well what is in the blob, and some of its headers. The emulator makes up an MD5 where
    /// none was given.
    async fn read(&mut self, name: &'static str, path: &str) {
        let reply = self.client.ask("GET", path).send().await;
        let names = ["content-type", "cache-control", "x-ms-meta-owner"];
        let headers: Vec<&str> = names.iter().map(|name| reply.header(name)).collect();
        let seen = format!("{} {}", headers.join(" "), reply.text());
        let seen = if reply.status == 200 { seen } else { reply.header("x-ms-error-code").into() };
        self.outcomes.push((name, reply.status, seen));
    }

    async fn etag(&self, path: &str) -> String {
        self.client.ask("HEAD", path).send().await.header("etag").to_owned()
    }
}

/// The blocks in the answer to Get Block List, without what is written between them.
fn shown(xml: &str) -> String {
    let document = roxmltree::Document::parse(xml.trim_start_matches('\u{feff}')).unwrap();
    let mut shown = String::new();
    for list in ["CommittedBlocks", "UncommittedBlocks"] {
        shown += " |";
        let found = document.descendants().filter(|node| node.has_tag_name(list));
        for block in found.flat_map(|list| list.children()).filter(|node| node.is_element()) {
            for part in block.children().filter_map(|part| part.text()) {
                shown += &format!(" {part}");
            }
        }
    }
    shown
}

async fn play(address: impl ToString) -> Outcomes {
    let client = Client::new(address);
    let mut play = Play { client: client.clone(), outcomes: Vec::new() };
    containers(&mut play, &client).await;
    appends(&mut play, &client).await;
    conditions(&mut play, &client).await;
    leases(&mut play, &client).await;
    sealing(&mut play, &client).await;
    staging(&mut play, &client).await;
    committing(&mut play, &client).await;
    guarded_commits(&mut play, &client).await;
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

/// Left out where the emulator differs: blocks that survive a Put Blob or a Delete Blob, empty
/// blocks, the checksum of a list, the order and the ETag of staged blocks, and the limits.
async fn staging(play: &mut Play, c: &Client) {
    let blob = "/logs/staging";
    play.step("stage in a missing container", c.stage("/none/blob", "b1", "one")).await;
    play.look("look at no blocks", blob).await;
    play.step("stage", c.stage(blob, "b1", "one")).await;
    play.step("stage another", c.stage(blob, "b2", "two")).await;
    play.look("look at staged blocks", blob).await;
    play.read("read an uncommitted blob", blob).await;
    play.step("look at an uncommitted blob", c.ask("HEAD", blob)).await;
    play.step("list without it", c.list().query("prefix", "staging")).await;
    play.step("stage with a longer ID", c.stage(blob, "b10", "ten")).await;
    play.step("stage with a shorter ID", c.stage(blob, "b", "ten")).await;
    play.step("stage with the longest ID", c.stage("/logs/long", &"x".repeat(64), "a")).await;
    play.step("stage with too long an ID", c.stage("/logs/long", &"x".repeat(65), "a")).await;
    let bad = c.ask("PUT", blob).query("comp", "block").query("blockid", "b1").body("x");
    play.step("stage with a bad ID", bad).await;
    let crc = |crc: &str| c.stage(blob, "b3", "hello world\n").header("x-ms-content-crc64", crc);
    play.step("stage with its checksum", crc("H6LSgYQOeA8=")).await;
    play.step("stage with another checksum", crc("PPzLtEWEL4w=")).await;
    let md5 = c.stage(blob, "b3", "a").header("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==");
    play.step("stage with another MD5", md5).await;
    play.step("stage again", c.stage(blob, "b1", "again")).await;
    play.step("stage under an ETag", c.stage(blob, "b4", "x").header("if-match", "\"0x1\"")).await;
    play.step("commit out of the wrong list", c.commit(blob, &["cb1"])).await;
    play.step("commit what is not there", c.commit(blob, &["ub1", "ub9"])).await;
    play.step("commit", c.commit(blob, &["ub3", "ub1"]).header("if-none-match", "*")).await;
    play.look("look at committed blocks", blob).await;
    play.read("read what is committed", blob).await;
    play.step("delete a blob with blocks", c.ask("DELETE", blob)).await;
    play.look("look at deleted blocks", blob).await;
    play.step("stage to delete", c.stage(blob, "b1", "one")).await;
    play.step("delete an uncommitted blob", c.ask("DELETE", blob)).await;
    play.step("delete it again", c.ask("DELETE", blob)).await;
    play.step("create over nothing", c.create("/logs/append")).await;
    play.step("stage for an append blob", c.stage("/logs/append", "b1", "one")).await;
    play.step("commit to an append blob", c.commit("/logs/append", &[])).await;
    play.look("look at blocks of an append blob", "/logs/append").await;
}

async fn committing(play: &mut Play, c: &Client) {
    let blob = "/logs/committing";
    play.step("commit nothing", c.commit(blob, &[])).await;
    play.read("read nothing", blob).await;
    for (step, name) in [("stage 1", "b1"), ("stage 2", "b2"), ("stage 3", "b3")] {
        play.step(step, c.stage(blob, name, name)).await;
    }
    let headers = [
        ("content-type", "application/xml"),
        ("x-ms-blob-content-type", "text/plain"),
        ("x-ms-blob-cache-control", "no-cache"),
        ("x-ms-blob-content-md5", "b1kCrCNwJL3QwXbLkwY9xA=="),
        ("x-ms-meta-owner", "me"),
    ];
    let commit = c.commit(blob, &["ub1", "lb2"]);
    let commit = headers.iter().fold(commit, |ask, (name, value)| ask.header(name, value));
    play.step("commit with headers", commit).await;
    play.read("read the headers", blob).await;
    play.look("look at what is left", blob).await;
    play.step("commit what was discarded", c.commit(blob, &["lb3"])).await;
    play.step("stage an ID again", c.stage(blob, "b1", "again")).await;
    play.read("read the old one", blob).await;
    play.look("look at both", blob).await;
    play.step("commit the old one", c.commit(blob, &["cb1", "cb2"])).await;
    play.read("read the old one without headers", blob).await;
    play.step("stage it once more", c.stage(blob, "b1", "again")).await;
    play.step("commit the latest", c.commit(blob, &["lb1"])).await;
    play.read("read the latest", blob).await;
    play.step("stage with another length of ID", c.stage(blob, "b10", "ten")).await;
    play.step("commit IDs of both lengths", c.commit(blob, &["cb1", "ub10"])).await;
    play.step("commit one block twice", c.commit(blob, &["lb10", "lb10"])).await;
    play.read("read it twice", blob).await;
    play.step("put over it", c.put(blob, "text")).await;
    play.look("look at what was put", blob).await;
    play.step("commit what was put over", c.commit(blob, &["lb10"])).await;
    play.step("stage for what was put", c.stage(blob, "b1", "one")).await;
    play.read("read what was put", blob).await;
    play.step("commit over it", c.commit(blob, &["ub1"])).await;
    play.read("read what was committed over it", blob).await;
}

async fn guarded_commits(play: &mut Play, c: &Client) {
    let blob = "/logs/guarded";
    play.step("commit if it is there", c.commit(blob, &[]).header("if-match", "*")).await;
    play.step("commit if it is not", c.commit(blob, &[]).header("if-none-match", "*")).await;
    play.step("commit if it is not again", c.commit(blob, &[]).header("if-none-match", "*")).await;
    let etag = play.etag(blob).await;
    let under = |etag: &str| c.commit(blob, &["lb1"]).header("if-match", etag);
    play.step("commit no block under the ETag", under(&etag)).await;
    play.step("stage", c.stage(blob, "b1", "one")).await;
    play.step("commit under another ETag", under("\"0x1\"")).await;
    play.step("commit under the ETag", under(&etag)).await;
    play.step("commit under the old ETag", under(&etag)).await;
    let now = play.etag(blob).await;
    let unless = c.commit(blob, &["lb1"]).header("if-none-match", &now);
    play.step("commit unless it is this", unless).await;
    let both = under(&now).header("if-none-match", "\"0x1\"");
    play.step("commit under two conditions", both).await;
    let range =
        |etag: &str| c.ask("GET", blob).header("x-ms-range", "bytes=1-1").header("if-match", etag);
    play.step("read a range under the ETag", range(&now)).await;
    play.step("read a range under the old ETag", range(&etag)).await;
    let with = |ask: Ask, id: &str| ask.header("x-ms-lease-id", id);
    play.step("stage with no lease", with(c.stage(blob, "b2", "two"), A)).await;
    play.step("commit with no lease", with(c.commit(blob, &["lb1"]), A)).await;
    play.step("acquire", acquire(c, blob, A)).await;
    play.step("stage without", c.stage(blob, "b2", "two")).await;
    play.step("stage with another", with(c.stage(blob, "b2", "two"), B)).await;
    play.step("stage with", with(c.stage(blob, "b2", "two"), A)).await;
    play.step("commit without", c.commit(blob, &["lb2"])).await;
    play.step("commit with another", with(c.commit(blob, &["lb2"]), B)).await;
    play.step("look with another", with(c.blocks(blob, "all"), B)).await;
    play.step("commit with", with(c.commit(blob, &["lb2"]), A)).await;
    play.look("look without", blob).await;
    play.step("release", with(c.lease(blob, "release"), A)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_answers_as_the_emulator_where_that_is_like_the_service() {
    let azurite = tokio::task::spawn_blocking(Azurite::start).await.unwrap();
    let store = start(StoreOptions::default()).await.unwrap();
    let (theirs, ours) = (play(azurite.address()).await, play(store.address()).await);
    let different: Vec<_> =
        theirs.iter().zip(&ours).filter(|(theirs, ours)| theirs != ours).collect();
    assert!(different.is_empty(), "emulator, store: {different:#?}");
    assert!(ours.len() > 160, "{}", ours.len());
}
