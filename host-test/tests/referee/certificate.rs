//! Certificates that a test makes for itself.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

/// What a server on this machine shows, and what makes it trusted. All in PEM.
pub(crate) struct Certificate {
    pub(crate) certificate: String,
    pub(crate) key: String,
    pub(crate) roots: String,
}

impl Certificate {
    /// A new one, by an authority of its own.
    pub(crate) fn issue() -> Self {
        let (issuer, key) = (authority(), KeyPair::generate().unwrap());
        let params = CertificateParams::new(vec!["127.0.0.1".into()]).unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        Self { certificate: certificate.pem(), key: key.serialize_pem(), roots: issuer.pem() }
    }
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    // A certificate that names itself as its issuer passes for self-signed.
    params.distinguished_name.push(DnType::CommonName, "the roots of a test");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}
