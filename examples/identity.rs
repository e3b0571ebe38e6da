//! Prints the ARN of the credentials that the AWS SDK for Rust finds: `identity [PROFILE]`. A client for `tests/real/setup.py`.

#![allow(clippy::print_stdout, reason = "its output is for a test")]

use std::error::Error;

use aws_config::BehaviorVersion;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;

fn main() -> Result<(), Box<dyn Error>> {
    let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring));
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(http.build_https());
    if let Some(profile) = std::env::args().nth(1) {
        loader = loader.profile_name(profile);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let identity = runtime.block_on(async {
        let config = loader.load().await;
        aws_sdk_sts::Client::new(&config).get_caller_identity().send().await
    })?;
    println!("{}", identity.arn().unwrap_or_default());
    Ok(())
}
