//! Two runs on one stream.

use serde_json::Value;

use crate::place::Place;

pub(super) fn the_later_run_takes_over_and_the_earlier_says_how_far_it_came(place: &Place) {
    takes_over(place, "append");
}

pub(super) fn the_later_run_takes_a_block_blob_over_and_the_earlier_says_how_far_it_came(
    place: &Place,
) {
    takes_over(place, "block");
}

fn takes_over(place: &Place, layout: &str) {
    let options = ["--create-container", "--acks", "--json", "--flush-lines", "1"];
    let options = [&options[..], &["--layout", layout]].concat();
    let mut earlier = place.start("append", "app", &options);
    for offset in [8, 16, 24] {
        earlier.give(b"earlier\n");
        assert_eq!(earlier.ack(), offset);
    }
    let later = place.append("app", &["--at", "24"], b"later\n");
    assert_eq!((later["start"].as_u64(), later["committed"].as_u64()), (Some(24), Some(30)));

    earlier.give(b"earlier\n");
    let ended = earlier.end().with_status(1);
    let report = ended.json();
    assert_eq!(report["error"]["code"], "superseded", "{report}");
    assert_eq!(report["committed"], 24);
    assert_eq!(report["accepted"], 32);
    assert!(ended.stderr.contains("committed up to offset 24"), "{}", ended.stderr);
    assert_eq!(place.cat("app"), b"earlier\nearlier\nearlier\nlater\n");
}

pub(super) fn two_runs_at_full_speed_leave_exactly_what_both_committed(place: &Place) {
    race(place, &["--segment-blocks", "7"]);
}

pub(super) fn two_runs_at_full_speed_on_a_block_blob_leave_exactly_what_both_committed(
    place: &Place,
) {
    race(place, &["--layout", "block", "--block-size", "16", "--compact-above", "7"]);
}

fn race(place: &Place, layout: &[&str]) {
    let options = ["--create-container", "--acks", "--json", "--flush-lines", "1"];
    let options = [&options[..], layout].concat();
    let mut earlier = place.start("append", "app", &options);
    earlier.give(b"a\n");
    assert_eq!(earlier.ack(), 2);
    // More than it can commit before the other comes; it may be gone before it has read all.
    let mut input = earlier.take_input();
    let feeding = std::thread::spawn(move || {
        use std::io::Write as _;
        while input.write_all(b"a\n").is_ok() {}
    });
    for _ in 0..20 {
        earlier.ack();
    }
    let mut later = place.start("append", "app", &options);
    later.give(&b"b\n".repeat(50));
    let later = later.end().with_status(0);
    let earlier = earlier.wait().with_status(1);
    feeding.join().unwrap();

    let (first, second) = (earlier.json(), later.json());
    assert_eq!(first["error"]["code"], "superseded", "{first}");
    assert_eq!(first["committed"], second["start"]);
    let count = |report: &Value| {
        let (from, to) = (report["start"].as_u64().unwrap(), report["committed"].as_u64().unwrap());
        usize::try_from((to - from) / 2).unwrap()
    };
    assert_eq!(count(&second), 50);
    let expected = [b"a\n".repeat(count(&first)), b"b\n".repeat(50)].concat();
    assert!(place.cat("app") == expected);
}
