//! Exports that go in by another one of the same form.
//!
//! What `wit-bindgen` puts around an export, to read its arguments and to lay out its answer with
//! every case of `error`, is 1.2 to 2.2 kB, and the same for all that take and answer the same. So
//! `start` goes in by `open`, and `drive`, `rollover`, `seal` and `close` go in by `flush`.
//!
//! Invariants: names and forms are those of the WIT, or the component does not link; what was
//! asked for is taken up by the very call that asked, and by no other.
#![allow(unsafe_code, unreachable_pub, reason = "functions that the host calls")]

use core::sync::atomic::{AtomicU8, Ordering};

use crate::bindings::exports::everblob::append::append_stream as api;
use crate::component::appender::Appender;

/// The export that was called, if it goes in by another one.
static ASKED: AtomicU8 = AtomicU8::new(ITSELF);

/// The one whose entrance it is.
const ITSELF: u8 = 0;
pub(super) const START: u8 = 1;
pub(super) const DRIVE: u8 = 2;
pub(super) const ROLLOVER: u8 = 3;
pub(super) const SEAL: u8 = 4;
pub(super) const CLOSE: u8 = 5;

/// What was asked for. To be asked first: the next call begins anew.
pub(super) fn asked() -> u8 {
    ASKED.swap(ITSELF, Ordering::Relaxed)
}

/// Exports the function `$name`, with these parameters, by the entrance of another.
macro_rules! go_in {
    ($name:literal asks $asked:ident, ($($parameter:ident: $type:ty),*)
     by $enter:ident($($argument:expr),*), $leave:ident) => {
        const _: () = {
            #[unsafe(export_name = concat!("everblob:append/append-stream@0.2.0#", $name))]
            unsafe extern "C" fn enter($($parameter: $type),*) -> *mut u8 {
                ASKED.store($asked, Ordering::Relaxed);
                // SAFETY: the arguments have the form of the other's.
                unsafe { api::$enter::<Appender>($($argument),*) }
            }

            #[unsafe(export_name = concat!("cabi_post_everblob:append/append-stream@0.2.0#", $name))]
            unsafe extern "C" fn leave(answer: *mut u8) {
                // SAFETY: the answer is the other's.
                unsafe { api::$leave::<Appender>(answer) }
            }
        };
    };
}

macro_rules! go_in_by_flush {
    ($name:literal asks $asked:ident, ($($parameter:ident: $type:ty),*),
     $some:expr, $timeout:expr) => {
        go_in! {
            $name asks $asked, (handle: *mut u8, $($parameter: $type),*)
            by _export_method_appender_flush_cabi(handle, $some, $timeout),
            __post_return_method_appender_flush
        }
    };
}

go_in! {
    "[static]appender.start" asks START, (arguments: *mut u8)
    by _export_static_appender_open_cabi(arguments), __post_return_static_appender_open
}
go_in_by_flush!("[method]appender.drive" asks DRIVE, (time: i64), 1, time);
go_in_by_flush!("[method]appender.rollover" asks ROLLOVER, (some: i32, timeout: i64), some, timeout);
go_in_by_flush!("[method]appender.seal" asks SEAL, (some: i32, timeout: i64), some, timeout);
go_in_by_flush!("[method]appender.close" asks CLOSE, (some: i32, timeout: i64), some, timeout);
