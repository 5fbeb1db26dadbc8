//! The pure codec of Azure Blob Storage: dates, checksums, signatures. No I/O and no clock; every
//! function answers from its arguments alone.

pub mod crc64;
pub mod date;
pub mod sas;
pub mod sign;
