//! An honest emulation of the API, with scripted trouble and a ledger of what was really applied.
//!
//! The sandbox is a server with a memory: it keeps its own leads and its own account of every request, and it
//! can lock, lose, delay and lie. It shares nothing with the client but the wire contract, so that it is able
//! to contradict it. `docs/sandbox.md` tells how to rehearse against it.

mod answer;
mod body;
mod decision;
mod destinations;
mod enrolment;
mod lead;
mod ledger;
mod plan;
mod record;
mod route;
mod script;
mod server;
mod state;
mod treatment;
mod trouble;
mod upload;
mod window;
mod wire;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::str::FromStr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::oneshot;

pub use lead::{Origin, Status, Variables};
pub use ledger::{Call, Change, Counts, Delivery, LeadState, Ledger, Receipt};
pub use record::{LeadRecord, Leads, LeadsError, LineError};
pub use script::Script;
pub use window::{Limit, LimitError};

use server::Shared;

/// Which of the two documented spellings of a body the server honours. Fields of the other one are unknown to
/// it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Honours {
    /// `phone_number`, `metadata`, and `notes` as text.
    Guide,
    /// `phoneNumber` with `countryCode`, `name`, and `notes` as the object of variables.
    Reference,
    /// Both.
    #[default]
    Both,
}

impl FromStr for Honours {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        clap::ValueEnum::from_str(text, false)
    }
}

/// What becomes of a body's unknown fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum UnknownFields {
    /// They are dropped in silence, and the answer is 200.
    #[default]
    Dropped,
    /// The request is refused: `property … should not exist`.
    Refused,
}

/// How the sandbox behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which leads there are.
    pub leads: Leads,
    /// Which spelling it honours; with [`Honours::Reference`] it also shows leads in the second shape.
    pub honours: Honours,
    /// What becomes of a body's unknown fields.
    pub unknown_fields: UnknownFields,
    /// The rate limit of each key. `None`: one that is out of reach, [`Limit::UNREACHABLE`].
    pub limit: Option<Limit>,
    /// How long every request takes.
    pub latency: Duration,
    /// The share of requests that go wrong, from 0 to 1.
    pub trouble: f64,
    /// Decides which requests those are, and how they go wrong.
    pub seed: u64,
    /// The one key that is accepted. `None`: any that is not empty.
    pub api_key: Option<SecretString>,
    /// For every lead that has no script of its own.
    pub script: Option<Script>,
    /// How fast the campaign dials pending leads meanwhile, in the order in which it came to know them.
    pub dialling: Option<Limit>,
    /// Calling codes (`+91`) that the workspace may dial. `None`: all.
    pub destinations: Option<Vec<String>>,
    /// How many receipts the ledger keeps, about 1 KB each; counts and leads are complete in any case.
    pub receipts: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            leads: Leads::default(),
            honours: Honours::default(),
            unknown_fields: UnknownFields::default(),
            limit: None,
            latency: Duration::ZERO,
            trouble: 0.0,
            seed: 0,
            api_key: None,
            script: None,
            dialling: None,
            destinations: None,
            receipts: 20_000,
        }
    }
}

/// A running sandbox, on a thread and a runtime of its own so that it disturbs no client in the same process.
/// It stops when dropped.
#[derive(Debug)]
pub struct Sandbox {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Sandbox {
    /// Starts a sandbox on this address; with port 0, on a free port.
    pub fn start(options: Options, address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let shared = Arc::new(Shared::new(options));
        let (stop, stopped) = oneshot::channel();
        let serving = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("sandbox".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        () = server::serve(listener, serving) => {}
                        _ = stopped => {}
                    }
                });
            })?;
        Ok(Self {
            address,
            shared,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base URL for a client, with the version: `http://127.0.0.1:PORT/v1`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// A snapshot of the ledger.
    pub fn ledger(&self) -> Ledger {
        self.shared.state().ledger(None)
    }

    /// The counts of the ledger alone: cheap enough to be watched.
    pub fn counts(&self) -> Counts {
        self.shared.state().journal.counts.clone()
    }

    /// The campaign dials this lead now, if it is pending. Says whether it was.
    pub fn dial(&self, lead: &str) -> bool {
        self.shared.state().dial(lead)
    }

    /// From now on another limit; windows that are open stay open.
    pub fn set_limit(&self, limit: Option<Limit>) {
        self.shared.state().set_limit(limit);
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // Its panic, if there was one, has been told on stderr already.
            drop(thread.join());
        }
    }
}
