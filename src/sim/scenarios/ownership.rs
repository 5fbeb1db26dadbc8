//! Two writers, a zombie, a crash: who owns the stream, and whose bytes are in it.

use super::{Author, LAYOUTS, Scene, Sent, answered, refused};
use crate::call::{self, Answer, Call, CallKind, Cause, Outcome};
use crate::error::Error;
use crate::sim::service::LeaseState;
use crate::stream::Nonce;
use crate::time::Span;
use crate::writer::{Config, Layout};

/// A newer writer that has read all it wants and is about to write.
fn about_to_write(scene: &mut Scene, nonce: u8, config: Config) -> (Author, Sent) {
    let mut author = scene.author(nonce, config);
    loop {
        let sent = scene.next(&mut author).unwrap();
        if sent.call.is_write() {
            return (author, sent);
        }
        scene.serve(&mut author, &sent);
    }
}

/// `peers.md` F5: there, the list was read before the lease was taken, and the first flush wiped out
/// what had been committed in between. Rules: `protocol.md` O1, B3.
#[test]
fn a_commit_between_reading_the_stream_and_owning_it_is_kept() {
    for layout in LAYOUTS {
        let mut scene = Scene::new(layout);
        let mut older = scene.open(1);
        let config = scene.config();
        let (mut newer, claim) = about_to_write(&mut scene, 2, config);
        assert_eq!(claim.call.kind(), CallKind::SetMetadata);
        assert_eq!(scene.commit(&mut older, b"one"), Ok(()));
        scene.serve(&mut newer, &claim);
        assert!(newer.writer.opened().is_none(), "its claim is refused");
        assert_eq!(scene.opening(&mut newer), Ok(()));
        assert_eq!(scene.commit(&mut newer, b"two"), Ok(()));
        scene.holds(b"onetwo");
    }
}

/// `peers.md` F5, and slatedb #1622 of B3 (a stalled writer wakes up). Rules: `protocol.md` A1, B4,
/// the third promise.
#[test]
fn a_commit_that_comes_late_after_a_takeover_changes_nothing() {
    for layout in LAYOUTS {
        let mut scene = Scene::new(layout);
        let mut older = scene.open(1);
        assert_eq!(scene.commit(&mut older, b"one"), Ok(()));
        let (_, late) = scene.committing(&mut older, b"old");
        let mut newer = scene.open(2);
        assert!(scene.arrive(&late).is_err(), "before the newer one has written a byte");
        assert_eq!(scene.commit(&mut newer, b"two"), Ok(()));
        assert!(scene.arrive(&late).is_err());
        scene.holds(b"onetwo");
        let told = scene.commit(&mut older, b"more");
        assert!(matches!(told, Err(Error::Superseded(_))), "{told:?}");
        scene.holds(b"onetwo");
    }
}

/// `peers.md` F6: there, two creators overwrote each other. The harness looks for the condition in
/// every request that creates. Rules: `protocol.md` O2, A4, D2.
#[test]
fn two_who_find_nothing_create_one_stream() {
    for layout in LAYOUTS {
        let mut scene = Scene::new(layout);
        let _ = scene.tool(&Call::CreateContainer);
        let config = scene.config();
        let (mut first, create) = about_to_write(&mut scene, 1, config.clone());
        let (mut second, late) = about_to_write(&mut scene, 2, config);
        scene.serve(&mut first, &create);
        assert_eq!(scene.commit(&mut first, b"one"), Ok(()));
        scene.serve(&mut second, &late);
        assert!(second.writer.opened().is_none(), "it has not created it");
        assert_eq!(scene.opening(&mut second), Ok(()));
        assert_eq!(scene.commit(&mut second, b"two"), Ok(()));
        assert_eq!(scene.owner(), Nonce([2; 16]));
        scene.holds(b"onetwo");
    }
}

/// What makes a writer end for good while it holds the lease: an answer that contradicts its
/// condition, or a blob that a commit would damage.
fn spoiled(scene: &mut Scene, sent: &Sent) -> Outcome {
    match sent.call.kind() {
        CallKind::AppendBlock => {
            let etag = call::ETag("\"x\"".into());
            Ok(Answer::Appended { offset: 7, blocks: 1, etag })
        }
        CallKind::PutBlockList => refused(Cause::ConditionNotMet),
        CallKind::GetProperties => match scene.arrive(sent) {
            Ok(Answer::Properties(seen)) => {
                Ok(Answer::Properties(call::Properties { tagged: true, ..seen }))
            }
            outcome => outcome,
        },
        _ => scene.arrive(sent),
    }
}

/// `peers.md` F7, and B5: there, an error left the blob locked until the process died.
#[test]
fn a_writer_that_ends_with_an_error_gives_back_its_lease() {
    for layout in LAYOUTS {
        let mut scene = Scene::new(layout);
        let config = Config { lease: Some(Span::secs(60)), ..scene.config() };
        let mut author = scene.open_with(1, config);
        let state = |scene: &Scene| scene.properties(scene.first()).unwrap().lease.state;
        assert_eq!(state(&scene), LeaseState::Leased);
        scene.take(&mut author, b"one").unwrap();
        let ticket = author.writer.flush(scene.now).unwrap();
        let told =
            scene.finish_with(&mut author, &ticket, |scene, sent| Some(spoiled(scene, sent)));
        assert!(matches!(told, Err(Error::Diverged(_))), "{told:?}");
        assert_eq!(state(&scene), LeaseState::Available);
    }
}

/// `peers.md` F7 and B5 (ABFS: somebody has to break the lease by hand after a crash): fencing does
/// not depend on it, and it ends by itself. Rules: `protocol.md` O1, I3.
#[test]
fn the_lease_of_a_writer_that_crashed_keeps_nobody_out_for_long() {
    for layout in LAYOUTS {
        let mut scene = Scene::new(layout);
        let config = Config { lease: Some(Span::secs(60)), ..scene.config() };
        let mut zombie = scene.open_with(1, config);
        let (_, late) = scene.committing(&mut zombie, b"old");
        let crashed = scene.now;
        let config = Config { patience: Span::secs(120), ..scene.config() };
        let mut newer = scene.open_with(2, config);
        assert!(scene.now - crashed <= Span::secs(80), "{:?}", scene.now - crashed);
        assert_eq!(scene.commit(&mut newer, b"two"), Ok(()));
        assert!(scene.arrive(&late).is_err());
        scene.holds(b"two");
    }
}

/// What is there and not a stream of ours is not touched. Rules: `protocol.md` I1, I2, D4.
#[test]
fn a_stream_that_went_back_in_time_takes_no_more() {
    for layout in LAYOUTS {
        let mut scene = Scene::new(layout);
        let mut author = scene.open(1);
        assert_eq!(scene.commit(&mut author, b"one"), Ok(()));
        let before = scene.service.clone();
        assert_eq!(scene.commit(&mut author, b"two"), Ok(()));
        scene.service = before;
        let told = scene.commit(&mut author, b"six");
        assert!(matches!(told, Err(Error::Rewound(_))), "{told:?}");
        assert_eq!(scene.content(scene.first()), b"one");
    }
}

/// Where the credential cannot claim, nobody is shut out, and whoever appends first wins. Rules:
/// `protocol.md` O4.
#[test]
fn without_the_permission_to_claim_the_first_append_wins_and_the_other_learns_of_it() {
    let mut scene = Scene::new(Layout::Append);
    let mut first = scene.open(1);
    assert_eq!(scene.commit(&mut first, b"one"), Ok(()));
    let mut second = scene.author(2, scene.config());
    let opening = second.writer.opening(scene.now);
    let opened = scene.finish_with(&mut second, &opening, |scene, sent| {
        let claims = sent.call.kind() == CallKind::SetMetadata;
        Some(if claims { answered(403, "AuthorizationFailure") } else { scene.arrive(sent) })
    });
    assert_eq!(opened, Ok(()));
    assert!(!second.writer.opened().unwrap().exclusive);
    assert_eq!(scene.commit(&mut second, b"two"), Ok(()));
    scene.take(&mut first, b"old").unwrap();
    let told = scene.flush(&mut first);
    assert!(matches!(told, Err(Error::Diverged(_) | Error::Superseded(_))), "{told:?}");
    assert_eq!(scene.content(scene.first()), b"onetwo");
}
