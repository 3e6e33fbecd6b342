//! A driver on loopback around the bare transaction layer, with the test as user agent.
//! Every wait has a deadline.

use std::collections::VecDeque;
use std::future::Future;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::super::bind::bind;
use super::super::config::{DriverConfig, Listen};
use super::super::core::Core;
use super::super::run::{self, Ports};
use super::super::{DriverCounts, os_seed};
use crate::admission::Admission;
use crate::keep_alive::KeepAlive;
use crate::message::{
    HeaderName, HeaderValue, Message, Method, ParseError, Request, Response, StatusCode, Uri,
};
use crate::target::{ResolveError, ResolveId, ResolveRequest, Target};
use crate::transaction::{
    Failure, Layer, LayerConfig, Route, ServerTransactionId, TimerValues, TransactionEvent,
};
use crate::transport::{
    Destination, FlowId, LocalAddresses, Source, Transmit, TransmitFailure, Transport,
};
use crate::user_agent::Counts;

/// Longer than anything here takes on a busy machine.
pub(super) const DEADLINE: Duration = Duration::from_secs(30);

/// The transaction layer as the driver's core.
pub(super) struct LayerCore {
    layer: Layer,
    news: VecDeque<News>,
    raw: VecDeque<Transmit>,
    keep: VecDeque<KeepAlive>,
}

/// What the test asks for.
pub(super) enum Ask {
    Send(Request, Route),
    Answer(ServerTransactionId, Response),
    Transmit(Transmit),
    Keep(KeepAlive),
    Shutdown,
}

/// What the test hears.
#[derive(Debug)]
pub(super) enum News {
    Transaction(Box<TransactionEvent>),
    FlowClosed,
    WayLost(Destination),
}

impl Core for LayerCore {
    type Command = Ask;
    type Event = News;

    const GUARDED: bool = false;

    fn shutdown() -> Ask {
        Ask::Shutdown
    }

    fn is_shutdown(ask: &Ask) -> bool {
        matches!(ask, Ask::Shutdown)
    }

    fn handle_command(&mut self, ask: Ask, now: Instant) {
        match ask {
            Ask::Send(request, route) => {
                self.layer.send_request(request, None, route, now).unwrap();
            }
            Ask::Answer(id, response) => self.layer.respond(id, response, now).unwrap(),
            Ask::Keep(wanted) => self.keep.push_back(wanted),
            Ask::Transmit(transmit) => self.raw.push_back(transmit),
            Ask::Shutdown => {}
        }
    }

    fn handle_message(&mut self, message: Message, source: Source, now: Instant) {
        self.layer.handle_message(message, source, now);
    }

    fn handle_malformed(&mut self, error: &ParseError, source: Source, now: Instant) {
        if let Some(salvage) = error.salvage() {
            self.layer.handle_malformed(salvage, source, now);
        }
    }

    fn handle_resolved(
        &mut self,
        id: ResolveId,
        result: Result<Vec<Destination>, ResolveError>,
        now: Instant,
    ) {
        self.layer.handle_resolved(id, result, now);
    }

    fn handle_transport_failure(&mut self, failure: TransmitFailure, now: Instant) {
        self.layer.handle_transport_failure(failure, now);
    }

    fn handle_flow_closed(&mut self, flow: FlowId, now: Instant) {
        self.layer.handle_flow_closed(flow, now);
        self.news.push_back(News::FlowClosed);
    }

    fn handle_way_lost(&mut self, way: &Destination, _now: Instant) {
        self.news.push_back(News::WayLost(way.clone()));
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.layer.handle_timeout(now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.layer.poll_timeout()
    }

    fn poll_transmit(&mut self) -> Option<Transmit> {
        self.raw.pop_front().or_else(|| self.layer.poll_transmit())
    }

    fn poll_resolve(&mut self) -> Option<ResolveRequest> {
        self.layer.poll_resolve()
    }

    fn poll_keep_alive(&mut self) -> Option<KeepAlive> {
        self.keep.pop_front()
    }

    fn poll_admission(&mut self) -> Option<Admission> {
        None
    }

    fn poll_event(&mut self) -> Option<News> {
        self.news.pop_front().or_else(|| {
            self.layer
                .poll_event()
                .map(|event| News::Transaction(Box::new(event)))
        })
    }

    fn is_settled(&self) -> bool {
        true
    }

    fn counts(&self) -> Counts {
        let layer = self.layer.counts();
        Counts {
            transactions: layer.client + layer.server,
            ..Counts::default()
        }
    }
}

/// A running driver.
pub(super) struct Agent {
    ports: Ports<LayerCore>,
    tasks: JoinSet<()>,
}

impl Agent {
    pub(super) fn start(config: DriverConfig) -> Self {
        let bound = bind(&config).unwrap();
        let mut layer = LayerConfig::new(bound.local.clone());
        // An eighth of the usual times: patience with a silent server is half a second.
        layer.timers = TimerValues {
            t1: Duration::from_millis(62),
            t2: Duration::from_millis(500),
            t4: Duration::from_millis(625),
        };
        let core = LayerCore {
            layer: Layer::new(layer, os_seed().unwrap()),
            news: VecDeque::new(),
            raw: VecDeque::new(),
            keep: VecDeque::new(),
        };
        let (ports, tasks) = run::start(config, bound, core).unwrap();
        Self { ports, tasks }
    }

    /// Listens on these transports at a port of the system's choice.
    pub(super) fn on(transports: &[Transport]) -> Self {
        Self::start(config(transports))
    }

    pub(super) fn local(&self) -> &LocalAddresses {
        &self.ports.local
    }

    pub(super) fn addr(&self, transport: Transport) -> SocketAddr {
        let found = self.local().iter().find(|(t, _)| *t == transport);
        found.expect("listens on that transport").1
    }

    pub(super) async fn ask(&self, ask: Ask) {
        let sent = self.ports.commands.send(ask).await;
        assert!(sent.is_ok(), "the driver is running");
    }

    pub(super) async fn send(&self, request: Request, to: Destination) {
        self.ask(Ask::Send(request, Route::Fixed(vec![to]))).await;
    }

    pub(super) async fn send_to(&self, request: Request, target: Target) {
        self.ask(Ask::Send(request, Route::Target(target))).await;
    }

    pub(super) async fn news(&mut self) -> News {
        within(self.ports.events.recv())
            .await
            .expect("the driver is running")
    }

    /// The next request; news of anything else is passed over.
    pub(super) async fn request(&mut self) -> (ServerTransactionId, Request, Source) {
        loop {
            if let News::Transaction(event) = self.news().await
                && let TransactionEvent::Request {
                    id,
                    request,
                    source,
                } = *event
            {
                return (id, request, source);
            }
        }
    }

    /// Answers the next request with 200.
    pub(super) async fn serve_one(&mut self) -> Source {
        let (id, request, source) = self.request().await;
        self.ask(Ask::Answer(id, ok(&request))).await;
        source
    }

    /// How the next request of ours ends: a final response with where it came from.
    pub(super) async fn outcome(&mut self) -> Result<(u16, Source), Failure> {
        loop {
            let News::Transaction(event) = self.news().await else {
                continue;
            };
            match *event {
                TransactionEvent::Response {
                    response, source, ..
                } if response.status.is_final() => {
                    return Ok((response.status.code(), source));
                }
                TransactionEvent::Failed { why, .. } => return Err(why),
                _ => {}
            }
        }
    }

    pub(super) async fn flow_closed(&mut self) {
        while !matches!(self.news().await, News::FlowClosed) {}
    }

    pub(super) async fn way_lost(&mut self) -> Destination {
        loop {
            let news = self.ports.events.recv().await;
            if let News::WayLost(way) = news.expect("the driver is running") {
                return way;
            }
        }
    }

    /// Waits until the counts are as wanted.
    pub(super) async fn counts_until(&mut self, wanted: impl Fn(&DriverCounts) -> bool) {
        let counts = &mut self.ports.counts;
        within(counts.wait_for(|counts| wanted(counts)))
            .await
            .expect("the driver is running");
    }

    pub(super) fn into_parts(self) -> (Ports<LayerCore>, JoinSet<()>) {
        (self.ports, self.tasks)
    }

    /// Shuts down and waits for every task.
    pub(super) async fn end(mut self) -> DriverCounts {
        self.ask(Ask::Shutdown).await;
        while let Some(joined) = within(self.tasks.join_next()).await {
            joined.unwrap();
        }
        *self.ports.counts.borrow()
    }
}

pub(super) fn config(transports: &[Transport]) -> DriverConfig {
    DriverConfig {
        listen: transports
            .iter()
            .map(|transport| Listen::new(*transport, any_port()))
            .collect(),
        ..DriverConfig::default()
    }
}

pub(super) fn any_port() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

/// A request without Via.
pub(super) fn options() -> Request {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    request(Method::Options, &format!("options-{number}"))
}

pub(super) fn request(method: Method, call_id: &str) -> Request {
    let mut request = Request::new(method.clone(), Uri::parse("sip:bob@example.test").unwrap());
    let mut put = |name, value: &str| {
        request.headers.push(name, HeaderValue::new(value).unwrap());
    };
    put(HeaderName::MaxForwards, "70");
    put(HeaderName::From, "<sip:alice@example.test>;tag=a1");
    put(HeaderName::To, "<sip:bob@example.test>");
    put(HeaderName::CallId, call_id);
    put(HeaderName::CSeq, &format!("1 {method}"));
    request
}

/// A request as it comes from the network, with a Via and a Call-ID of its own.
pub(super) fn from_network(transport: Transport, number: u32) -> Vec<u8> {
    let mut request = request(Method::Options, &format!("network-{number}"));
    let via = format!(
        "SIP/2.0/{} 127.0.0.1:9;rport;branch=z9hG4bKn{number}",
        transport.via_name()
    );
    let via = HeaderValue::new(via).unwrap();
    request.headers.push_front(HeaderName::Via, via);
    request.to_bytes().to_vec()
}

pub(super) fn ok(request: &Request) -> Response {
    let mut response = request.reply(StatusCode::OK);
    let mut to = response.headers.to().unwrap();
    to.set_tag("b2").unwrap();
    response.headers.set(HeaderName::To, to);
    response
}

pub(super) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future)
        .await
        .expect("nothing happened within the deadline")
}
