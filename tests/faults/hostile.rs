//! A server on raw TCP that does what a well-behaved HTTP server cannot. It shares nothing with the client but the
//! wire contract.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use crate::ledger::{Ledger, Receipt};
use crate::script::{Deed, Reply, Script, Step};

/// No test waits this long for anything; one that does has failed.
pub(crate) const IN_VAIN: Duration = Duration::from_mins(1);

/// A server at work; it ends with the tests.
pub(crate) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    ledger: Mutex<Ledger>,
    changed: Condvar,
    script: Mutex<Script>,
}

impl Server {
    /// With these leads.
    pub(crate) fn start<'a>(leads: impl IntoIterator<Item = &'a str>, script: Script) -> Self {
        Self::over(leads, script, None)
    }

    /// The same behind TLS.
    pub(crate) fn start_tls<'a>(
        leads: impl IntoIterator<Item = &'a str>,
        config: ServerConfig,
    ) -> Self {
        Self::over(leads, Script::default(), Some(Arc::new(config)))
    }

    fn over<'a>(
        leads: impl IntoIterator<Item = &'a str>,
        script: Script,
        tls: Option<Arc<ServerConfig>>,
    ) -> Self {
        let mut ledger = Ledger::default();
        leads.into_iter().for_each(|lead| ledger.add(lead));
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            ledger: Mutex::new(ledger),
            changed: Condvar::new(),
            script: Mutex::new(script),
        });
        let server = Self {
            address,
            shared: Arc::clone(&shared),
        };
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let shared = Arc::clone(&shared);
                let number = shared.note(|ledger| {
                    ledger.connections += 1;
                    ledger.connections
                });
                let tls = tls.clone();
                thread::spawn(move || {
                    let wire = match tls {
                        None => Wire::Plain(stream),
                        Some(config) => {
                            let tls = ServerConnection::new(config).expect("a TLS state");
                            Wire::Tls(Box::new(StreamOwned::new(tls, stream)))
                        }
                    };
                    // A client that has gone ends its connection, and nothing else.
                    drop(Connection::new(wire, number, shared).serve());
                });
            }
        });
        server
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What has happened so far.
    pub(crate) fn ledger(&self) -> Ledger {
        self.shared.lock().clone()
    }

    /// Waits until the ledger shows what is wanted.
    pub(crate) fn wait_for(&self, what: &str, shown: impl Fn(&Ledger) -> bool) {
        let ledger = self.shared.lock();
        let (_ledger, waited) = self
            .shared
            .changed
            .wait_timeout_while(ledger, IN_VAIN, |ledger| !shown(ledger))
            .expect("a ledger");
        assert!(!waited.timed_out(), "waited in vain for {what}");
    }

    /// Something happens to a lead, whoever asks for what.
    pub(crate) fn act(&self, deed: &Deed, lead: &str) {
        self.shared
            .note(|ledger| ledger.act(deed, lead, &Value::Null));
    }

    /// Gives the cue that [`Reply::OnCue`] waits for.
    pub(crate) fn cue(&self) {
        self.shared.note(|ledger| ledger.cued = true);
    }

    /// From now on it behaves like this.
    pub(crate) fn behave(&self, script: Script) {
        *self.shared.script.lock().expect("a script") = script;
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().expect("a ledger")
    }

    fn note<T>(&self, write: impl FnOnce(&mut Ledger) -> T) -> T {
        let noted = write(&mut self.lock());
        self.changed.notify_all();
        noted
    }
}

enum Wire {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.write_all(bytes),
            Self::Tls(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
        }
    }

    /// What has come, still unread where that is possible: a socket that is closed with something unread resets its
    /// connection.
    fn look(&mut self, so_far: &mut Vec<u8>) -> io::Result<usize> {
        let mut part = vec![0; 65536];
        match self {
            Self::Plain(stream) => {
                let length = stream.peek(&mut part)?;
                if length == so_far.len() {
                    // The rest is on its way.
                    thread::sleep(Duration::from_millis(1));
                }
                so_far.clear();
                so_far.extend_from_slice(&part[..length]);
                Ok(length)
            }
            Self::Tls(stream) => {
                let length = stream.read(&mut part)?;
                so_far.extend_from_slice(&part[..length]);
                Ok(length)
            }
        }
    }

    /// Takes what was only looked at.
    fn take(&mut self, length: usize) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.read_exact(&mut vec![0; length]),
            Self::Tls(_) => Ok(()),
        }
    }

    /// Until the client goes.
    fn outlast(&mut self) {
        let mut part = [0; 1024];
        let stream = match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => &mut stream.sock,
        };
        while matches!(stream.read(&mut part), Ok(1..)) {}
    }
}

struct Connection {
    wire: Wire,
    number: usize,
    shared: Arc<Shared>,
}

/// What becomes of a connection after a reply.
enum Next {
    Keep,
    End,
}

impl Connection {
    fn new(wire: Wire, number: usize, shared: Arc<Shared>) -> Self {
        Self {
            wire,
            number,
            shared,
        }
    }

    fn serve(&mut self) -> io::Result<()> {
        while let Some((receipt, length)) = self.receive()? {
            let step = {
                let mut script = self.shared.script.lock().expect("a script");
                script.next(&receipt.method, &receipt.lead)
            };
            if !matches!(step.reply, Reply::Reset) {
                self.wire.take(length)?;
            }
            let replied = self.answer(&receipt, &step);
            self.shared.note(|ledger| {
                for deed in &step.after {
                    ledger.act(deed, &receipt.lead, &receipt.body);
                }
            });
            if matches!(replied?, Next::End) {
                break;
            }
        }
        Ok(())
    }

    /// A whole request, and how long it is; `None` when the client has gone.
    fn receive(&mut self) -> io::Result<Option<(Receipt, usize)>> {
        let mut bytes = Vec::new();
        let (head, length) = loop {
            if self.wire.look(&mut bytes)? == 0 {
                return Ok(None);
            }
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let Some((head, body)) = text.split_once("\r\n\r\n") else {
                continue;
            };
            let announced = header(head, "content-length")
                .and_then(|value| value.parse().ok())
                .unwrap_or(0);
            if body.len() >= announced {
                break (head.to_owned(), head.len() + 4 + announced);
            }
        };
        let mut words = head.split(' ');
        let (method, target) = (words.next(), words.next());
        let target = target.unwrap_or_default().to_owned();
        let segment = target.rsplit('/').next().unwrap_or_default();
        let body = String::from_utf8_lossy(&bytes[head.len() + 4..length]).into_owned();
        let receipt = Receipt {
            at: Instant::now(),
            method: method.unwrap_or_default().to_owned(),
            lead: percent_encoding::percent_decode_str(segment)
                .decode_utf8_lossy()
                .into_owned(),
            target,
            body: serde_json::from_str(&body).unwrap_or_default(),
            connection: self.number,
        };
        Ok(Some((receipt, length)))
    }

    fn answer(&mut self, receipt: &Receipt, step: &Step) -> io::Result<Next> {
        let Receipt { lead, body, .. } = receipt;
        let honest = self.shared.note(|ledger| {
            ledger.receipts.push(receipt.clone());
            for deed in &step.before {
                ledger.act(deed, lead, body);
            }
            matches!(
                step.reply,
                Reply::Honest | Reply::With(_) | Reply::Twice(..)
            )
            .then(|| by_contract(ledger, receipt))
        });
        let shown = self.shared.lock().lead(lead).map(|held| held.shown(lead));
        let shown = shown.unwrap_or_default().to_string();
        match &step.reply {
            Reply::Honest => {
                let (status, body) = honest.expect("an honest answer");
                self.send(status, &[], &body)?;
            }
            Reply::With(headers) => {
                let (status, body) = honest.expect("an honest answer");
                self.send(status, headers, &body)?;
            }
            Reply::Show => self.send(200, &[], &shown)?,
            Reply::Claim(id) => {
                let claimed = self.claim(receipt, id.unwrap_or(lead));
                self.send(200, &[], &claimed)?;
            }
            Reply::Answer {
                status,
                headers,
                body,
            } => self.send(*status, headers, body)?,
            Reply::Reset | Reply::Close => return Ok(Next::End),
            Reply::Hang => {
                self.wire.outlast();
                return Ok(Next::End);
            }
            Reply::Cut => {
                let whole = message(200, &[], &shown);
                self.wire.write(&whole[..whole.len() - 20])?;
                return Ok(Next::End);
            }
            Reply::Drip(pause) => {
                for byte in message(200, &[], &shown) {
                    self.wire.write(&[byte])?;
                    thread::sleep(*pause);
                }
            }
            Reply::OnCue => {
                let ledger = self.shared.lock();
                let waited = self
                    .shared
                    .changed
                    .wait_timeout_while(ledger, IN_VAIN, |ledger| !ledger.cued);
                drop(waited);
                self.send(200, &[], &shown)?;
            }
            Reply::ResetUnderNext => {
                self.send(200, &[], &shown)?;
                // Its first byte is seen, and nothing of it is read.
                self.wire.look(&mut Vec::new())?;
                return Ok(Next::End);
            }
            Reply::Twice(id, number, pause) => {
                let (status, body) = honest.expect("an honest answer");
                let stray = json!({"id": id, "phone_number": number, "status": "pending"});
                let mut both = message(status, &[], &body);
                if !pause.is_zero() {
                    self.wire.write(&std::mem::take(&mut both))?;
                    thread::sleep(*pause);
                }
                both.extend(message(200, &[], &stray.to_string()));
                self.wire.write(&both)?;
            }
        }
        Ok(Next::Keep)
    }

    fn claim(&self, receipt: &Receipt, id: &str) -> String {
        let ledger = self.shared.lock();
        let lead = ledger.lead(&receipt.lead).expect("a lead to lie about");
        lead.changed(&receipt.body).shown(id).to_string()
    }

    fn send(
        &mut self,
        status: u16,
        headers: &[(&'static str, String)],
        body: &str,
    ) -> io::Result<()> {
        self.wire.write(&message(status, headers, body))
    }
}

/// What the contract has for this request.
fn by_contract(ledger: &mut Ledger, receipt: &Receipt) -> (u16, String) {
    let refuse = |status: u16, words: &str| {
        let body = json!({"statusCode": status, "message": words});
        (status, body.to_string())
    };
    let Some(lead) = ledger.lead(&receipt.lead) else {
        return refuse(404, "Lead not found");
    };
    if receipt.method == "PATCH" {
        if lead.is_locked() {
            return refuse(409, "Lead is locked");
        }
        ledger.act(&Deed::Apply, &receipt.lead, &receipt.body);
    }
    let lead = ledger.lead(&receipt.lead).expect("the same lead");
    (200, lead.shown(&receipt.lead).to_string())
}

fn message(status: u16, headers: &[(&'static str, String)], body: &str) -> Vec<u8> {
    use std::fmt::Write;
    let mut head = format!(
        "HTTP/1.1 {status} Scripted\r\nContent-Length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        write!(head, "{name}: {}\r\n", at_this_moment(value)).expect("memory");
    }
    format!("{head}\r\n{body}").into_bytes()
}

/// `@date+4` is the HTTP date four seconds from now; `@unix` and `@millis` are the same moment in other forms.
fn at_this_moment(value: &str) -> String {
    let Some((form, seconds)) = value.strip_prefix('@').and_then(|text| {
        let at = text.find(['+', '-'])?;
        Some((&text[..at], text[at..].parse::<i64>().expect("seconds")))
    }) else {
        return value.to_owned();
    };
    let second = Timestamp::now().as_second() + seconds;
    let at = Timestamp::from_second(second).expect("a time");
    match form {
        "date" => at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string(),
        "unix" => second.to_string(),
        "millis" => at.as_millisecond().to_string(),
        _ => panic!("`{value}` is no moment"),
    }
}

fn header<'h>(head: &'h str, wanted: &str) -> Option<&'h str> {
    head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case(wanted).then(|| value.trim())
    })
}
