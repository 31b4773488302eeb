//! The server: connections, requests, and replies that arrive whole or do not.

use std::convert::Infallible;
use std::fmt;
use std::net::TcpListener;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::{BodyExt, Either, Full, Limited};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, interval_at, sleep};

use super::Options;
use super::answer::{Answer, Refusal};
use super::decision::Request;
use super::ledger::Delivery;
use super::route::{Route, decoded};
use super::state::State;
use super::upload;
use super::wire::{Fate, Wire};

/// The longest body that is read: the largest file and its wrapping.
const LONGEST_BODY: usize = upload::LARGEST_FILE + 64 * 1024;

/// How long silence lasts, should the client not give up before.
const SILENCE: Duration = Duration::from_mins(10);

/// How long after its answer a late change lands: less than the second that a careful client waits.
const LATENESS: Duration = Duration::from_millis(400);

/// What the server's thread and the sandbox's owner share.
pub(super) struct Shared {
    state: Mutex<State>,
    latency: Duration,
    between_calls: Option<Duration>,
}

impl Shared {
    pub(super) fn new(options: Options) -> Self {
        let between_calls = options.dialling.map(|pace| {
            let calls = u32::try_from(pace.requests).unwrap_or(u32::MAX);
            (pace.window / calls).max(Duration::from_millis(1))
        });
        Self {
            latency: options.latency,
            between_calls,
            state: Mutex::new(State::new(options)),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock; if something did, the ledger is still the best there is.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Shared").finish_non_exhaustive()
    }
}

/// Serves for ever.
pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    if let Some(between) = shared.between_calls {
        tokio::spawn(dial(Arc::clone(&shared), between));
    }
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, most likely: some will be free again soon.
            sleep(Duration::from_millis(10)).await;
            continue;
        };
        // Small replies must not wait for the acknowledgement of the last one; without this they are only slow.
        drop(stream.set_nodelay(true));
        let connection = shared.state().connected();
        let fate = Fate::default();
        let wire = TokioIo::new(Wire::new(stream, fate.clone()));
        let shared = Arc::clone(&shared);
        let service = service_fn(move |request| {
            reply(Arc::clone(&shared), fate.clone(), connection, request)
        });
        tokio::spawn(async move {
            // Connections end in every way there is; the ledger has already said how.
            drop(
                hyper::server::conn::http1::Builder::new()
                    .serve_connection(wire, service)
                    .await,
            );
        });
    }
}

async fn dial(shared: Arc<Shared>, between: Duration) {
    let mut turns = interval_at(Instant::now() + between, between);
    turns.set_missed_tick_behavior(MissedTickBehavior::Burst);
    loop {
        turns.tick().await;
        shared.state().dial_next();
    }
}

/// No reply: the connection ends here.
#[derive(Debug, thiserror::Error)]
#[error("the connection ends without a reply")]
struct NoReply;

type Reply = Response<Either<Full<Bytes>, Drip>>;

async fn reply(
    shared: Arc<Shared>,
    fate: Fate,
    connection: u64,
    request: hyper::Request<Incoming>,
) -> Result<Reply, NoReply> {
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, LONGEST_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            return Ok(whole(Answer::refusal(&Refusal::new(
                413,
                "request entity too large",
            ))));
        }
        Err(_) => return Err(NoReply),
    };
    let route = Route::of(&head.method, head.uri.path());
    if route == Route::Ledger {
        return Ok(whole(ledger(&shared, head.uri.query().unwrap_or_default())));
    }
    if !shared.latency.is_zero() {
        sleep(shared.latency).await;
    }
    let file = match &route {
        Route::Upload { .. } => {
            Some(upload::file(header(&head.headers, CONTENT_TYPE), body.clone()).await)
        }
        _ => None,
    };
    let key = header(&head.headers, AUTHORIZATION)
        .strip_prefix("Bearer ")
        .map(str::trim);
    let path = head.uri.path_and_query().map_or("", |path| path.as_str());
    let json = header(&head.headers, CONTENT_TYPE).starts_with("application/json");
    let request = Request {
        method: &head.method,
        path,
        route: &route,
        key: key.filter(|key| !key.is_empty()),
        body: &body,
        json,
        file: file.as_ref().map(|file| file.as_deref()),
        connection,
    };
    let decision = shared.state().decide(&request);
    let number = decision.number;
    if let Some((lead, asked)) = decision.late {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            sleep(LATENESS).await;
            shared.state().land(&lead, &asked, number);
        });
    }
    // Should the client go away while it waits, nothing below happens, and the ledger keeps saying `none`.
    if !decision.delay.is_zero() {
        sleep(decision.delay).await;
    }
    if decision.delivery == Delivery::None {
        sleep(SILENCE).await;
        return Err(NoReply);
    }
    shared.state().delivered(number, decision.delivery);
    match decision.delivery {
        Delivery::Whole => Ok(whole(decision.answer)),
        Delivery::Dripped => Ok(dripped(decision.answer)),
        Delivery::Cut => {
            fate.cut();
            Ok(whole(decision.answer))
        }
        Delivery::Reset => {
            fate.reset();
            Err(NoReply)
        }
        Delivery::Closed | Delivery::None => Err(NoReply),
    }
}

fn header(headers: &HeaderMap, name: hyper::header::HeaderName) -> &str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// `GET /__ledger`, `?summary` for the counts alone, `?lead=ID` for one lead.
fn ledger(shared: &Shared, query: &str) -> Answer {
    if query == "summary" {
        return Answer::json(200, &shared.state().summary());
    }
    let only = query.strip_prefix("lead=").map(decoded);
    // Told apart from the lock, so that a long ledger does not hold everybody up while it is written.
    let ledger = shared.state().ledger(only.as_deref());
    Answer::json(200, &ledger)
}

fn whole(answer: Answer) -> Reply {
    respond(
        answer.status,
        answer.headers,
        Either::Left(Full::new(answer.body)),
    )
}

fn dripped(answer: Answer) -> Reply {
    let drip = Drip {
        left: answer.body,
        turns: interval(Duration::from_secs(1)),
    };
    respond(answer.status, answer.headers, Either::Right(drip))
}

fn respond(status: u16, headers: HeaderMap, body: Either<Full<Bytes>, Drip>) -> Reply {
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = headers;
    response
}

/// A body that comes one byte a second.
struct Drip {
    left: Bytes,
    turns: Interval,
}

impl Body for Drip {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left.is_empty() {
            return Poll::Ready(None);
        }
        std::task::ready!(self.turns.poll_tick(context));
        Poll::Ready(Some(Ok(Frame::data(self.left.split_to(1)))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.len() as u64)
    }
}
