//! The credential that a run was given is the one that counts.

use crate::place::Place;

pub(super) fn another_credential_is_refused_and_changes_nothing(place: &Place) {
    place.append("app", &[], b"data");
    let (other, code) = (place.with_wrong_credential(), place.wrong_credential_code());
    for (command, input) in [("append", &b"more"[..]), ("seal", b""), ("stat", b"")] {
        let ended = other.run(command, "app", &["--json"], input).with_status(1);
        assert_eq!(ended.json()["error"]["code"], code, "{command}: {}", ended.stderr);
    }
    other.run("cat", "app", &[], b"").with_status(1);
    assert_eq!(place.cat("app"), b"data");
    assert_eq!(place.stat("app")["sealed"], false);
}
