//! Credentials from the SDK's own providers: SSO, roles, web identities, containers, EC2 instances. Administrators use them.
//! awsmfa itself finds the keys of a user who signs in with MFA, because the SDK might run awsmfa.
//!
//! The SDK reads the environment and the AWS files by itself and offers no other way.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::time::Duration;

use aws_config::Region;
use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::ecs::EcsCredentialsProvider;
use aws_config::imds;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::{self, ProvideCredentials, error::CredentialsError};
use aws_smithy_async::rt::sleep::TokioSleep;
use chrono::TimeDelta;

use super::client::Aws;
use super::keys::Keys;
use super::signer::OffsetClock;
use crate::model::secret::Secret;

/// Signing in to an identity provider takes a few requests.
const LIMIT: Duration = Duration::from_secs(30);
/// Outside EC2, nothing answers at the metadata address.
const METADATA_LIMIT: Duration = Duration::from_millis(800);

/// A machine with credentials of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    Instance,
    Container,
}

impl Machine {
    /// The machine that `credential_source` names.
    pub fn named(credential_source: &str) -> Option<Self> {
        [Self::Instance, Self::Container].into_iter().find(|machine| machine.to_string() == credential_source)
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Instance => "Ec2InstanceMetadata",
            Self::Container => "EcsContainer",
        })
    }
}

/// Why the SDK found no credentials.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    #[error("no credentials found")]
    None,
    /// Loading them failed.
    #[error("{0}")]
    Failed(String),
    #[error("timed out loading credentials ({} s)", LIMIT.as_secs())]
    TimedOut,
}

impl Aws {
    /// The credentials of a profile of any kind, or, without a profile, those that the SDK's default chain finds.
    pub fn default_chain_keys(&self, profile: Option<&str>) -> Result<Keys, ChainError> {
        let config = self.provider_config();
        self.load(async {
            match profile {
                Some(name) => {
                    let provider =
                        ProfileFileCredentialsProvider::builder().configure(&config).profile_name(name);
                    provider.build().provide_credentials().await
                }
                None => {
                    let metadata = metadata(&config);
                    let region = Region::new(self.settings().region.to_string());
                    let chain = DefaultCredentialsChain::builder().configure(config).region(region);
                    chain.imds_client(metadata).build().await.provide_credentials().await
                }
            }
        })
    }

    /// The credentials of the machine that awsmfa runs on.
    pub fn machine_keys(&self, machine: Machine) -> Result<Keys, ChainError> {
        let config = self.provider_config();
        self.load(async {
            match machine {
                Machine::Instance => {
                    let provider = ImdsCredentialsProvider::builder().configure(&config);
                    provider.imds_client(metadata(&config)).build().provide_credentials().await
                }
                Machine::Container => {
                    let provider = EcsCredentialsProvider::builder().configure(&config);
                    provider.build().provide_credentials().await
                }
            }
        })
    }

    fn provider_config(&self) -> ProviderConfig {
        let settings = self.settings();
        ProviderConfig::empty()
            .with_region(Some(Region::new(settings.region.to_string())))
            .with_use_fips(Some(settings.use_fips))
            .with_use_dual_stack(Some(settings.use_dual_stack))
            .with_http_client(self.http())
            .with_sleep_impl(TokioSleep::new())
            .with_time_source(OffsetClock { clock: self.clock(), offset: TimeDelta::zero() })
    }

    fn load(&self, found: impl Future<Output = provider::Result>) -> Result<Keys, ChainError> {
        match self.block_on(async { tokio::time::timeout(LIMIT, found).await }) {
            Ok(Ok(credentials)) => {
                let keys = keys(&credentials);
                keys.check().map(|()| keys).map_err(|unusable| ChainError::Failed(unusable.to_string()))
            }
            Ok(Err(CredentialsError::CredentialsNotLoaded(_))) => Err(ChainError::None),
            Ok(Err(error)) => Err(ChainError::Failed(last_words(&error))),
            Err(_) => Err(ChainError::TimedOut),
        }
    }
}

fn metadata(config: &ProviderConfig) -> imds::Client {
    imds::Client::builder()
        .configure(config)
        .connect_timeout(METADATA_LIMIT)
        .read_timeout(METADATA_LIMIT)
        .max_attempts(1)
        .build()
}

fn keys(credentials: &Credentials) -> Keys {
    Keys {
        access_key_id: credentials.access_key_id().to_owned(),
        secret_access_key: Secret::from(credentials.secret_access_key()),
        session_token: credentials.session_token().map(Secret::from),
    }
}

/// The innermost error in one line. The outer errors only say that something failed.
fn last_words(error: &CredentialsError) -> String {
    let mut last: &(dyn StdError + 'static) = error;
    while let Some(source) = last.source() {
        last = source;
    }
    let text = last.to_string();
    text.lines().map(str::trim).collect::<Vec<_>>().join(" ").chars().take(300).collect()
}
