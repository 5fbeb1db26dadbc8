//! The codec: a [`Call`](crate::call::Call) to a signed HTTP request, and an HTTP response to a
//! [`Reply`](crate::call::Reply). Pure: no I/O and no clock.
//!
//! Invariants: what is signed is what is on the wire; nothing secret is in any `Debug`, `Display`
//! or error; a response that makes no sense is in doubt, never success.

pub mod crc64;
pub mod credential;
pub mod date;
pub mod location;
pub mod refusal;
pub mod request;
pub mod response;
pub mod sas;
pub mod sign;

mod block_list;
mod listing;
mod xml;

#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod property;

#[cfg(test)]
mod tests {
    use super::property;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(any::<u8>(), 0..most)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn any_xml_is_read_or_refused(bytes in bytes(300)) {
            property::xml(&bytes);
        }

        #[test]
        fn block_lists_read_back_and_damaged_ones_are_read_whole_or_refused(bytes in bytes(400)) {
            property::block_list(&bytes);
        }

        #[test]
        fn listings_show_every_name_and_damaged_ones_are_read_or_refused(bytes in bytes(200)) {
            property::listing(&bytes);
        }

        #[test]
        fn any_response_is_read_as_no_more_than_it_says(bytes in bytes(300)) {
            property::response(&bytes);
        }

        #[test]
        fn dates_read_back_and_damaged_ones_are_read_or_refused(bytes in bytes(60)) {
            property::date(&bytes);
        }

        #[test]
        fn any_location_is_below_its_container_or_refused(bytes in bytes(300)) {
            property::location(&bytes);
        }

        #[test]
        fn any_credential_fits_into_a_request_or_is_refused(bytes in bytes(100)) {
            property::credential(&bytes);
        }

        #[test]
        fn only_the_token_that_was_signed_is_accepted(bytes in bytes(120)) {
            property::signature(&bytes);
        }
    }
}
