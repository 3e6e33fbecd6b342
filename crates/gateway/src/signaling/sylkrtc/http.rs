//! Every route of the daemon, and the upgrade to a WebSocket (RFC 6455 §4.2).
//!
//! The order of the checks is that of the original server: Origin, subprotocol, then whether the
//! gateway can serve at all. warp is used here and nowhere else; the upgrade itself is done by hand
//! because the connection must belong to a set of tasks that somebody awaits.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::FutureExt;
use http::header::{
    CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, SERVER, UPGRADE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use sylkrtc_protocol::Dialect;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tracing::Instrument;
use warp::reply::Response;
use warp::{Filter, Rejection, Reply};

use super::connection::Connection;
use super::origin::Origins;
use crate::backend::Backend;
use crate::health::HealthRoute;
use crate::ledger::Kind;
use crate::metrics::MetricsRoute;
use crate::supervisor::Phase;
use crate::tasks::Tasks;
use crate::web::Peer;

/// The value of the Server header.
const PRODUCT: &str = concat!("sylk-gateway/", env!("CARGO_PKG_VERSION"));

/// What pages served by the gateway itself may do: scripts of their own, and WebSockets.
const PAGE_POLICY: &str = "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; \
                           frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// Buffers of one WebSocket. Nearly all messages are small, a longer one makes its buffer larger; the
/// library's default is 128 KiB each way.
const BUFFER: usize = 1024;

/// The front door.
#[derive(Debug, Clone)]
pub struct FrontDoor {
    /// What connections work with.
    pub backend: Arc<Backend>,
    /// The tasks of connections.
    pub connections: Tasks,
    /// The pages that may connect.
    pub origins: Arc<Origins>,
    /// What `/healthz` says and to whom.
    pub health: HealthRoute,
    /// What `/metrics` says and to whom.
    pub metrics: MetricsRoute,
    /// What is served beside the WebSocket.
    pub pages: Pages,
}

/// Pages served at `/`.
#[derive(Debug, Clone)]
pub enum Pages {
    /// None.
    None,
    /// A directory of the operator.
    Directory(PathBuf),
    /// Files that are part of the binary.
    Embedded(&'static [Page]),
}

/// A file that is part of the binary.
#[derive(Debug)]
pub struct Page {
    /// Its path without the leading `/`; empty for the start page.
    pub path: &'static str,
    /// Its media type.
    pub content_type: &'static str,
    /// Its bytes.
    pub body: &'static [u8],
}

/// The service of one HTTP connection from `peer`.
pub fn service(
    door: &FrontDoor,
    peer: Peer,
) -> impl Service<hyper::Request<Incoming>, Response = Response, Error = Infallible, Future: Send>
+ Send
+ use<> {
    let routes = TowerToHyperService::new(warp::service(routes(door.clone())));
    service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(peer.clone());
        routes.call(request).map(|response| {
            response.map(|mut response| {
                let product = HeaderValue::from_static(PRODUCT);
                response.headers_mut().insert(SERVER, product);
                response
            })
        })
    })
}

fn routes(door: FrontDoor) -> impl Filter<Extract = (impl Reply,), Error = Rejection> + Clone {
    let pages = door.pages.clone();
    let (health, metrics) = (door.health.clone(), door.metrics.clone());
    let websocket = warp::path!("webrtcgateway" / "ws")
        .and(warp::method())
        .and(warp::header::headers_cloned())
        .and(warp::ext::get::<Peer>())
        .and(warp::ext::optional::<OnUpgrade>())
        .map(
            move |method: Method, headers: HeaderMap, peer: Peer, upgrade| match admit(
                &door, &method, &headers,
            ) {
                Ok((dialect, accept)) => open(&door, dialect, &accept, peer, upgrade),
                Err(refused) => {
                    let (status, text) = refused;
                    tracing::debug!(peer = %peer.address, %status, %text, "WebSocket refused");
                    refusal(status, text)
                }
            },
        );
    let health = warp::path!("healthz")
        .and(warp::get())
        .and(warp::ext::get::<Peer>())
        .map(move |peer: Peer| health.answer(peer.address.ip()));
    let metrics = warp::path!("metrics")
        .and(warp::get())
        .and(warp::ext::get::<Peer>())
        .map(move |peer: Peer| metrics.answer(peer.address.ip()));
    let own = websocket.or(health).unify().or(metrics).unify();
    own.or(serve_pages(pages))
}

/// Whether this request may become a WebSocket, and the key that proves we understood it.
fn admit(
    door: &FrontDoor,
    method: &Method,
    headers: &HeaderMap,
) -> Result<(Dialect, String), (StatusCode, String)> {
    if method != Method::GET {
        return Err((StatusCode::METHOD_NOT_ALLOWED, "Only GET".to_owned()));
    }
    let upgrade = StatusCode::UPGRADE_REQUIRED;
    if !lists(headers, CONNECTION.as_str(), "upgrade")
        || !lists(headers, UPGRADE.as_str(), "websocket")
    {
        return Err((upgrade, "This is a WebSocket".to_owned()));
    }
    if !lists(headers, SEC_WEBSOCKET_VERSION.as_str(), "13") {
        return Err((upgrade, "Only WebSocket version 13".to_owned()));
    }
    let Some(key) = headers.get(SEC_WEBSOCKET_KEY) else {
        return Err((StatusCode::BAD_REQUEST, "No Sec-WebSocket-Key".to_owned()));
    };
    let accept = derive_accept_key(key.as_bytes());
    door.origins
        .check(headers)
        .map_err(|refused| (StatusCode::FORBIDDEN, refused.to_string()))?;
    let offered: Vec<_> = headers
        .get_all(SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    let dialect = Dialect::from_subprotocols(&offered.join(","))
        .ok_or_else(|| (StatusCode::NOT_ACCEPTABLE, Dialect::NONE_OFFERED.to_owned()))?;
    let phase = *door.backend.phase.borrow();
    match phase {
        Phase::Ready => Ok((dialect, accept)),
        Phase::Starting => {
            let text = "Backend is not connected";
            Err((StatusCode::SERVICE_UNAVAILABLE, text.to_owned()))
        }
        Phase::Stopping => {
            let text = "Gateway is stopping";
            Err((StatusCode::SERVICE_UNAVAILABLE, text.to_owned()))
        }
    }
}

/// Answers 101 and hands the socket to a connection of its own.
fn open(
    door: &FrontDoor,
    dialect: Dialect,
    accept: &str,
    peer: Peer,
    upgrade: Option<OnUpgrade>,
) -> Response {
    let Some(upgrade) = upgrade else {
        let text = "This connection cannot be upgraded".to_owned();
        return refusal(StatusCode::BAD_REQUEST, text);
    };
    let limits = &door.backend.limits;
    let ledger = &door.backend.ledger;
    let Some(entry) = ledger.enter_below(Kind::Connection, limits.connections) else {
        return refusal(
            StatusCode::SERVICE_UNAVAILABLE,
            "Too many connections".to_owned(),
        );
    };
    let mut config = WebSocketConfig::default();
    config.read_buffer_size = BUFFER;
    config.write_buffer_size = 0;
    config.max_message_size = Some(limits.message_bytes);
    config.max_frame_size = Some(limits.message_bytes);
    let backend = door.backend.clone();
    let protocol = dialect.subprotocol();
    let span = tracing::info_span!("connection", peer = %peer.address, protocol);
    let connection = async move {
        let upgraded = match upgrade.await {
            Ok(upgraded) => TokioIo::new(upgraded),
            Err(error) => {
                tracing::debug!(%error, "not upgraded");
                return;
            }
        };
        let socket = WebSocketStream::from_raw_socket(upgraded, Role::Server, Some(config)).await;
        tracing::info!("connection opened");
        Connection::new(socket, dialect, backend).run().await;
        drop((entry, peer));
    };
    door.connections.spawn(connection.instrument(span));

    let mut response = Response::default();
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol));
    let accept = HeaderValue::from_str(accept).expect("Base64 is a header value");
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    response
}

fn serve_pages(pages: Pages) -> impl Filter<Extract = (Response,), Error = Rejection> + Clone {
    let (directory, embedded) = match pages {
        Pages::None => (None, &[][..]),
        Pages::Directory(path) => (Some(path), &[][..]),
        Pages::Embedded(pages) => (None, pages),
    };
    let from_binary =
        warp::get()
            .and(warp::path::full())
            .and_then(move |path: warp::path::FullPath| {
                let wanted = path.as_str().trim_start_matches('/');
                let page = embedded.iter().find(|page| page.path == wanted);
                std::future::ready(page.map(embedded_page).ok_or_else(warp::reject::not_found))
            });
    let is_configured = directory.is_some();
    let from_directory = warp::any()
        .and_then(move || {
            let found = if is_configured {
                Ok(())
            } else {
                Err(warp::reject::not_found())
            };
            std::future::ready(found)
        })
        .untuple_one()
        .and(warp::fs::dir(directory.unwrap_or_default()))
        .map(|file: warp::fs::File| secured(file.into_response()));
    from_binary.or(from_directory).unify()
}

fn embedded_page(page: &Page) -> Response {
    let mut response = page.body.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(page.content_type));
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(PAGE_POLICY),
    );
    secured(response)
}

fn secured(mut response: Response) -> Response {
    let nosniff = HeaderValue::from_static("nosniff");
    response
        .headers_mut()
        .insert(X_CONTENT_TYPE_OPTIONS, nosniff);
    response
}

fn refusal(status: StatusCode, text: String) -> Response {
    let reply = warp::reply::with_status(text, status);
    let mut response = secured(reply.into_response());
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response
}

/// Whether a comma-separated header lists this token, in any case.
fn lists(headers: &HeaderMap, name: &str, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|item| item.trim().eq_ignore_ascii_case(token))
}
