//! What every service does with every credential: one suite, a test of each behaviour at each place.

mod appending;
mod blocks;
mod credential;
mod large;
mod orders;
mod reading;
mod takeover;

use serde_json::Value;

use crate::place::{Access, Place, Service};

/// How many blocks each segment has, by a report or by `stat`.
fn blocks(value: &Value) -> Vec<u64> {
    let segments = value["segments"].as_array().unwrap();
    segments.iter().map(|segment| segment["blocks"].as_u64().unwrap()).collect()
}

/// A test of each behaviour at a place that is started so.
macro_rules! tests {
    ($start:ident $service:ident $access:ident: $($group:ident { $($behaviour:ident)* })*) => {$($(
        #[test]
        fn $behaviour() {
            super::$group::$behaviour(&Place::$start(Service::$service, Access::$access));
        }
    )*)*};
}

/// The whole suite at a place.
macro_rules! suite {
    ($name:ident: $service:ident $access:ident) => {
        mod $name {
            use super::{Access, Place, Service};

            tests! { shared $service $access:
                appending {
                    flushed_lines_are_blocks_of_segments_that_the_sdk_reads
                    a_later_run_continues_at_the_end
                    an_expected_end_is_kept_or_refused_with_the_real_one
                    each_trigger_is_a_commit_with_its_own_block_and_ack
                    what_has_waited_for_the_interval_is_committed_while_the_input_stays_open
                    empty_input_stores_nothing
                    a_container_is_made_if_asked_to_by_who_may
                }
                blocks {
                    the_block_lists_are_those_of_hadoop
                }
                credential {
                    another_credential_is_refused_and_changes_nothing
                }
                orders {
                    an_ended_stream_takes_no_more
                    an_ended_block_blob_takes_no_more
                    a_segment_is_closed_and_the_next_begins_with_the_next_byte
                    the_block_layout_has_no_segment_to_close
                    a_writer_that_has_the_stream_open_learns_of_its_end
                }
                reading {
                    any_range_of_offsets_is_written
                    what_a_stream_consists_of_is_shown
                    a_block_blob_is_written_and_shown_as_the_blob_that_it_is
                    a_block_blob_is_found_though_another_lies_below_its_name
                    a_stream_that_is_not_there_is_status_1
                }
                takeover {
                    the_later_run_takes_over_and_the_earlier_says_how_far_it_came
                    the_later_run_takes_a_block_blob_over_and_the_earlier_says_how_far_it_came
                    two_runs_at_full_speed_leave_exactly_what_both_committed
                    two_runs_at_full_speed_on_a_block_blob_leave_exactly_what_both_committed
                }
            }
            tests! { alone $service $access:
                large {
                    a_large_log_is_read_by_the_sdk_exactly
                    a_large_block_blob_is_read_by_the_sdk_exactly
                }
            }
        }
    };
}

suite! { local_store_with_the_key: LocalStore Key }
suite! { emulator_with_the_key: Emulator Key }
suite! { emulator_over_https_with_the_key: SecureEmulator Key }
suite! { emulator_over_https_with_a_container_sas: SecureEmulator ContainerSas }
suite! { emulator_over_https_with_a_token: SecureEmulator Token }

/// Signed in another way than one for the container, and enough for making that.
mod emulator_over_https_with_an_account_sas {
    use super::{Access, Place, Service};

    tests! { shared SecureEmulator AccountSas:
        appending {
            flushed_lines_are_blocks_of_segments_that_the_sdk_reads
            a_later_run_continues_at_the_end
            a_container_is_made_if_asked_to_by_who_may
        }
        blocks { the_block_lists_are_those_of_hadoop }
        credential { another_credential_is_refused_and_changes_nothing }
        orders {
            an_ended_stream_takes_no_more
            an_ended_block_blob_takes_no_more
            a_segment_is_closed_and_the_next_begins_with_the_next_byte
        }
        takeover { the_later_run_takes_over_and_the_earlier_says_how_far_it_came }
    }
}

/// The same token, by another way.
mod emulator_over_https_with_a_token_in_a_file {
    use super::{Access, Place, Service};

    tests! { shared SecureEmulator TokenFile:
        appending { flushed_lines_are_blocks_of_segments_that_the_sdk_reads }
        credential { another_credential_is_refused_and_changes_nothing }
    }
}

/// The local store checks a SAS as the service does, and can seal with it, which the emulator cannot.
mod local_store_with_a_container_sas {
    use super::{Access, Place, Service};

    tests! { shared LocalStore ContainerSas:
        appending {
            flushed_lines_are_blocks_of_segments_that_the_sdk_reads
            a_container_is_made_if_asked_to_by_who_may
        }
        credential { another_credential_is_refused_and_changes_nothing }
        orders {
            an_ended_stream_takes_no_more
            an_ended_block_blob_takes_no_more
            a_segment_is_closed_and_the_next_begins_with_the_next_byte
        }
    }
}

mod local_store_with_an_account_sas {
    use super::{Access, Place, Service};

    tests! { shared LocalStore AccountSas:
        appending { a_container_is_made_if_asked_to_by_who_may }
        credential { another_credential_is_refused_and_changes_nothing }
    }
}
