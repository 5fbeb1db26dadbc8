//! The WASI 0.2 component: WIT exports over the driver. Exports convert, and do nothing else.

mod appender;
mod convert;
#[cfg(target_arch = "wasm32")]
mod runtime;

use crate::bindings::exports::everblob::append::append_stream;

struct Component;

impl append_stream::Guest for Component {
    type Appender = appender::Appender;
}

#[allow(unsafe_code, unreachable_pub, reason = "generated functions that the host calls")]
mod exports {
    use super::Component;

    crate::bindings::export!(Component);
}
