//! The handle of a running server: start, stop, clock, faults and request log.
//!
//! Users, devices, roles and sessions are set up in `setup.rs`.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::account::Account;
use crate::background::Background;
use crate::clock::Clock;
use crate::faults::Fault;
use crate::http::{self, Shared};
use crate::log::Request;
use crate::mfa::CodeModel;
use crate::signin::SignIn;
use crate::tls;

/// A running fake of STS, IAM and the federation endpoint on loopback. Dropping it closes the port.
#[derive(Debug)]
pub struct FakeAws {
    pub(crate) shared: Arc<Shared>,
    ca_pem: Option<String>,
    background: Background,
}

/// The settings of a new [`FakeAws`].
#[derive(Clone, Debug)]
pub struct Builder {
    port: u16,
    account: String,
    partition: String,
    model: CodeModel,
    lag: Duration,
    list_lag: Duration,
    creation_lag: Duration,
    page_size: usize,
    clock: Clock,
    https: bool,
    names: Vec<String>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            port: 0,
            account: "123456789012".into(),
            partition: "aws".into(),
            model: CodeModel::Observed,
            lag: Duration::ZERO,
            list_lag: Duration::ZERO,
            creation_lag: Duration::ZERO,
            page_size: 100,
            clock: Clock::new(),
            https: false,
            names: Vec::new(),
        }
    }
}

impl Builder {
    /// The port on 127.0.0.1. 0 (default): any free port.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The account ID, twelve digits. Default 123456789012.
    #[must_use]
    pub fn account(mut self, id: &str) -> Self {
        self.account = id.into();
        self
    }

    /// The partition of every ARN: `aws` (default), `aws-cn`, `aws-us-gov`, …
    #[must_use]
    pub fn partition(mut self, partition: &str) -> Self {
        self.partition = partition.into();
        self
    }

    /// How codes are verified. Default [`CodeModel::Observed`].
    #[must_use]
    pub fn model(mut self, model: CodeModel) -> Self {
        self.model = model;
        self
    }

    /// How long STS does not see changes to devices. Default zero (AWS: 8 to 14 s).
    #[must_use]
    pub fn lag(mut self, lag: Duration) -> Self {
        self.lag = lag;
        self
    }

    /// How long ListMFADevices and ListVirtualMFADevices do not see changes to devices, and ListAccessKeys does not see new
    /// keys. Default zero.
    #[must_use]
    pub fn list_lag(mut self, lag: Duration) -> Self {
        self.list_lag = lag;
        self
    }

    /// How long other IAM operations, such as EnableMFADevice, answer NoSuchEntity for a user or virtual device that
    /// a request has just created, and how long a new access key signs nothing. Its name is in use from the start.
    /// Default zero.
    #[must_use]
    pub fn creation_lag(mut self, lag: Duration) -> Self {
        self.creation_lag = lag;
        self
    }

    /// The maximum page size of lists, whatever `MaxItems` asks for. Default 100.
    #[must_use]
    pub fn page_size(mut self, size: usize) -> Self {
        self.page_size = size;
        self
    }

    /// The clock to use, such as one that is shared with another server.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Serves TLS with a certificate of a new CA, [`FakeAws::ca_pem`].
    #[must_use]
    pub fn https(mut self) -> Self {
        self.https = true;
        self
    }

    /// Serves TLS for this host name too, such as `sts.eu-west-1.amazonaws.com` behind a [`Proxy`](crate::Proxy).
    #[must_use]
    pub fn host_name(mut self, name: &str) -> Self {
        self.names.push(name.into());
        self.https()
    }

    /// Starts the server.
    ///
    /// # Panics
    /// If the port is in use.
    pub fn start(self) -> FakeAws {
        self.try_start().expect("fake-aws can listen on loopback")
    }

    /// Starts the server, or returns the reason why it cannot.
    ///
    /// # Errors
    /// If the port is in use or certificates cannot be created.
    pub fn try_start(self) -> io::Result<FakeAws> {
        let mut account = Account::new(&self.account, &self.partition);
        account.judge.model = self.model;
        account.judge.view.lag = self.lag;
        account.lists.lag = self.list_lag;
        account.creation_lag = self.creation_lag;
        account.page_size = self.page_size;
        let shared = Arc::new(Shared::new(self.clock, account));
        let tls = match self.https {
            true => Some(tls::generate(&self.names).map_err(|error| io::Error::other(error.to_string()))?),
            false => None,
        };
        let (acceptor, ca_pem) = tls.map(|tls| (tls.acceptor, tls.ca_pem)).unzip();
        let served = Arc::clone(&shared);
        let background = Background::listen(self.port, move |stream| {
            let shared = Arc::clone(&served);
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                match acceptor {
                    None => http::serve(stream, shared).await,
                    Some(acceptor) => {
                        // The client reports a failed handshake.
                        if let Ok(stream) = acceptor.accept(stream).await {
                            http::serve(stream, shared).await;
                        }
                    }
                }
            });
        })?;
        Ok(FakeAws { shared, ca_pem, background })
    }
}

impl FakeAws {
    /// Starts a server with the default settings.
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// Starts with the default settings, to be changed.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The URL for `AWS_ENDPOINT_URL`: `http://127.0.0.1:PORT`, or `https://`.
    pub fn endpoint(&self) -> String {
        let scheme = if self.ca_pem.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.background.address)
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.background.address.port()
    }

    /// The CA for `AWS_CA_BUNDLE`, in PEM, if started with [`Builder::https`].
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// The server's clock.
    pub fn clock(&self) -> Clock {
        self.shared.clock.clone()
    }

    /// Adds a fault.
    pub fn fault(&self, fault: Fault) {
        self.shared.faults().push(fault);
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        self.shared.faults().clear();
    }

    /// All requests so far, in order of arrival.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.log().all()
    }

    /// The requests of one action.
    pub fn requests_for(&self, action: &str) -> Vec<Request> {
        self.requests().into_iter().filter(|request| request.action == action).collect()
    }

    /// Clears the request log.
    pub fn clear_requests(&self) {
        self.shared.log().clear();
    }

    /// The codes that STS received for a serial number, in order. A code that was sent twice is there twice.
    pub fn codes_sent(&self, serial: &str) -> Vec<String> {
        let of_serial = |request: &Request| {
            let code = request.param("TokenCode").filter(|_| request.param("SerialNumber") == Some(serial));
            code.map(str::to_owned)
        };
        self.requests().iter().filter_map(of_serial).collect()
    }

    /// Changes how codes are verified.
    pub fn set_model(&self, model: CodeModel) {
        self.shared.account().judge.model = model;
    }

    /// Changes how long STS does not see changes to devices.
    pub fn set_lag(&self, lag: Duration) {
        self.shared.account().judge.view.lag = lag;
    }

    /// Changes [`Builder::list_lag`].
    pub fn set_list_lag(&self, lag: Duration) {
        self.shared.account().lists.lag = lag;
    }

    /// Sends these bytes instead of the seeds of devices that are created from now on.
    pub fn send_odd_seeds(&self, bytes: &[u8]) {
        self.shared.account().odd_seed = Some(bytes.to_vec());
    }

    /// Changes [`Builder::creation_lag`].
    pub fn set_creation_lag(&self, lag: Duration) {
        self.shared.account().creation_lag = lag;
    }

    /// Sets the lifetime in seconds of sessions that are issued from now on, whatever a request asks for. Negative:
    /// they are issued expired. `None`: as long as the request asks for.
    pub fn set_session_lifetime(&self, seconds: Option<i64>) {
        self.shared.account().set_session_lifetime(seconds);
    }

    /// Changes whether STS rejects the codes with which IAM enabled or resynchronized a device. Observations of AWS
    /// show both.
    pub fn set_consume_pairs(&self, consume: bool) {
        self.shared.account().judge.consume_pairs = consume;
    }

    /// The console sessions that sign-in URLs opened, in order.
    pub fn sign_ins(&self) -> Vec<SignIn> {
        self.shared.account().sign_ins.opened.clone()
    }

    /// Changes the maximum page size of lists.
    pub fn set_page_size(&self, size: usize) {
        self.shared.account().page_size = size;
    }
}
