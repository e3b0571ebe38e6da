//! TLS with a certificate of a new CA.

use std::net::TcpStream;
use std::sync::Arc;

use fake_aws::FakeAws;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::support::{Answer, Client, exchange};

fn call(aws: &FakeAws, client: &Client, ca: Option<&str>, name: &str) -> std::io::Result<Answer> {
    let mut roots = RootCertStore::empty();
    if let Some(pem) = ca {
        roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let stream = StreamOwned::new(connection, TcpStream::connect(("127.0.0.1", aws.port())).unwrap());
    let (headers, body) = client.signed("sts", "2011-06-15", "GetCallerIdentity", &[]);
    exchange(stream, "POST", "/", &headers, &body)
}

#[test]
fn certificate_is_valid_for_loopback_and_added_names() {
    let aws = FakeAws::builder().https().host_name("sts.eu-west-1.amazonaws.com").start();
    aws.add_user("dev");
    let client = Client::new(&aws, &aws.add_access_key("dev"));
    assert!(aws.endpoint().starts_with("https://127.0.0.1:"));
    let ca = aws.ca_pem().unwrap();
    assert!(ca.starts_with("-----BEGIN CERTIFICATE-----"));
    for name in ["127.0.0.1", "localhost", "sts.eu-west-1.amazonaws.com"] {
        call(&aws, &client, Some(ca), name).unwrap().ok();
    }
    call(&aws, &client, Some(ca), "example.com").unwrap_err();
    call(&aws, &client, None, "127.0.0.1").unwrap_err();
}

#[test]
fn plain_http_has_no_ca() {
    let aws = FakeAws::start();
    assert_eq!(aws.ca_pem(), None);
    assert!(aws.endpoint().starts_with("http://127.0.0.1:"));
}
