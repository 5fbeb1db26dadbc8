//! `x-ms-content-crc64`, the service's transactional checksum: CRC-64/NVME, whose result travels
//! as eight little-endian bytes in base64.

use alloc::boxed::Box;
use alloc::string::String;

use base64ct::{Base64, Encoding as _};
use crc::{CRC_64_NVME, Crc, Table};
use once_cell::race::OnceBox;

/// Sixteen lanes: the checksum of a 4 MiB block must not be what an append waits for. With one it
/// was two thirds of the component's time.
type Nvme = Crc<u64, Table<16>>;

/// Made when it is needed first: as constants its tables would be a fifth of the component.
static NVME: OnceBox<Nvme> = OnceBox::new();

/// The checksum of a body, in the byte order of the wire.
pub fn crc64(body: &[u8]) -> [u8; 8] {
    let nvme = NVME.get_or_init(|| Box::new(Nvme::new(&CRC_64_NVME)));
    nvme.checksum(body).to_le_bytes()
}

/// The checksum of a body as the header holds it.
pub fn crc64_base64(body: &[u8]) -> String {
    Base64::encode_string(&crc64(body))
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn agrees_with_the_vectors_of_the_service() {
        let every_byte: Vec<u8> = (0..=255).collect();
        let megabyte = vec![b'a'; 1 << 20];
        let vectors: [(&[u8], u64, &str); 8] = [
            (b"", 0, "AAAAAAAAAAA="),
            (b"a", 0x8c2f_8445_b4cb_fc3c, "PPzLtEWEL4w="),
            (b"123456789", 0xae8b_1486_0a79_9888, "iJh5CoYUi64="),
            (b"hello world\n", 0x0f78_0e84_81d2_a21f, "H6LSgYQOeA8="),
            (b"Hello Azure append blob", 0x9d74_09ec_b46c_0bea, "6gtstOwJdJ0="),
            (&[0; 32], 0xcf34_7343_4d4e_cf3b, "O89OTUNzNM8="),
            (&every_byte, 0xff71_e212_79d9_966e, "bpbZeRLicf8="),
            (&megabyte, 0x9706_63c5_b13c_0aa3, "owo8scVjBpc="),
        ];
        for (body, value, text) in vectors {
            assert_eq!(crc64(body), value.to_le_bytes(), "{} bytes", body.len());
            assert_eq!(crc64_base64(body), text, "{} bytes", body.len());
        }
    }
}
