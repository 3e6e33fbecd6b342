//! The whole user agent on real sockets, with the test as registrar and phone.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use sip_stack::account::{AccountConfig, AccountId, SessionId};
use sip_stack::command::Command;
use sip_stack::digest::Ha1;
use sip_stack::driver::{self, DriverConfig, DriverCounts, EventReceiver, Handle, Listen, Running};
use sip_stack::event::{Event, RegistrationState, SessionEvent};
use sip_stack::message::{
    HeaderName, HeaderValue, Message, Method, Request, Response, StatusCode, Uri,
};
use sip_stack::transport::Transport;
use sip_stack::user_agent::UserAgentConfig;
use tokio::net::UdpSocket;

const ACCOUNT: AccountId = AccountId::new(1);
const DEADLINE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn registers_is_called_and_leaves_nothing_behind() {
    let mut phone = Phone::new().await;
    let mut agent = Agent::start();
    agent.add_account(phone.addr()).await;

    agent.command(Command::Register { account: ACCOUNT }).await;
    let register = phone.request(Method::Register).await;
    phone.accept(&register).await;
    assert_eq!(agent.registered().await, 600);

    // The registrar calls the binding it was given.
    let contact = register.headers.contacts().unwrap();
    let contact = contact.first().unwrap().uri.clone();
    assert_eq!(contact.port(), Some(agent.addr().port()));
    phone.invite(&contact, agent.addr()).await;
    let session = agent.incoming().await;
    let accept = Command::Accept {
        session,
        sdp: Bytes::from_static(b"v=0\r\n"),
        headers: Vec::new(),
    };
    agent.command(accept).await;
    let answer = phone.final_response().await;
    assert_eq!(answer.status, StatusCode::OK);
    phone.acknowledge(&contact, &answer, agent.addr()).await;
    agent.confirmed().await;

    // A shutdown hangs up and removes the binding.
    agent.command(Command::Shutdown).await;
    let bye = phone.request(Method::Bye).await;
    phone.accept(&bye).await;
    let removal = phone.request(Method::Register).await;
    assert_eq!(removal.headers.call_id(), register.headers.call_id());
    phone.accept(&removal).await;
    let counts = agent.ended().await;
    let left = DriverCounts {
        received: counts.received,
        sent: counts.sent,
        longest_turn: counts.longest_turn,
        ..DriverCounts::default()
    };
    assert_eq!(counts, left);
}

#[tokio::test]
async fn a_shutdown_nobody_answers_is_cut_short() {
    let mut phone = Phone::new().await;
    let mut agent = Agent::with(|config| config.shutdown_limit = Duration::from_millis(300));
    agent.add_account(phone.addr()).await;
    agent.command(Command::Register { account: ACCOUNT }).await;
    let register = phone.request(Method::Register).await;
    phone.accept(&register).await;
    agent.registered().await;

    agent.command(Command::Shutdown).await;

    let counts = agent.ended().await;
    assert_eq!(counts.tasks, 0);
    phone.request(Method::Register).await;
}

#[tokio::test]
async fn an_address_in_use_is_an_error_and_nothing_is_left_running() {
    let taken = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let config = DriverConfig {
        listen: vec![Listen::new(Transport::Udp, taken.local_addr().unwrap())],
        ..DriverConfig::default()
    };

    let started = driver::start(config, UserAgentConfig::default());

    assert_eq!(started.unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
}

struct Agent {
    handle: Handle,
    events: EventReceiver,
    running: Running,
}

impl Agent {
    fn start() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut DriverConfig)) -> Self {
        let mut config = DriverConfig {
            listen: vec![Listen::new(Transport::Udp, ([127, 0, 0, 1], 0).into())],
            ..DriverConfig::default()
        };
        change(&mut config);
        let (handle, events, running) = driver::start(config, UserAgentConfig::default()).unwrap();
        Self {
            handle,
            events,
            running,
        }
    }

    fn addr(&self) -> SocketAddr {
        self.handle.local().iter().next().unwrap().1
    }

    async fn command(&self, command: Command) {
        self.handle.command(command).await.unwrap();
    }

    async fn add_account(&self, proxy: SocketAddr) {
        let ha1 = Ha1::compute("alice", "example.test", "secret");
        let instance = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
        let mut config = AccountConfig::new("alice@example.test", ha1, instance);
        config.outbound_proxy = Some(Uri::parse(&format!("sip:{proxy};lr")).unwrap());
        let account = ACCOUNT;
        self.command(Command::AddAccount { account, config }).await;
    }

    async fn event(&mut self) -> Event {
        within(self.events.recv()).await.expect("still running")
    }

    async fn registered(&mut self) -> u32 {
        loop {
            if let Event::Registration {
                state: RegistrationState::Registered { expires },
                ..
            } = self.event().await
            {
                return expires;
            }
        }
    }

    async fn incoming(&mut self) -> SessionId {
        loop {
            if let Event::Incoming { session, .. } = self.event().await {
                return session;
            }
        }
    }

    async fn confirmed(&mut self) {
        loop {
            if let Event::Session {
                event: SessionEvent::Confirmed { .. },
                ..
            } = self.event().await
            {
                return;
            }
        }
    }

    async fn ended(self) -> DriverCounts {
        within(self.running.ended()).await.unwrap();
        self.handle.counts()
    }
}

/// A registrar and phone in one.
struct Phone {
    socket: UdpSocket,
}

impl Phone {
    async fn new() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        Self { socket }
    }

    fn addr(&self) -> SocketAddr {
        self.socket.local_addr().unwrap()
    }

    async fn next(&mut self) -> (Message, SocketAddr) {
        let mut buffer = vec![0; 65_536];
        loop {
            let (length, from) = within(self.socket.recv_from(&mut buffer)).await.unwrap();
            // Keep-alives are no messages.
            if let Ok(message) = Message::parse_datagram(&buffer[..length]) {
                return (message, from);
            }
        }
    }

    /// The next request of this method; repeats of others are passed over.
    async fn request(&mut self, method: Method) -> Request {
        loop {
            if let (Message::Request(request), _) = self.next().await
                && request.method == method
            {
                return request;
            }
        }
    }

    async fn final_response(&mut self) -> Response {
        loop {
            if let (Message::Response(response), _) = self.next().await
                && response.status.is_final()
            {
                return response;
            }
        }
    }

    /// 200, to the address in the top Via.
    async fn accept(&self, request: &Request) {
        let mut response = request.reply(StatusCode::OK);
        let mut to = response.headers.to().unwrap();
        if to.tag().is_none() {
            to.set_tag("registrar").unwrap();
        }
        response.headers.set(HeaderName::To, to);
        if let Some(contact) = request.headers.get(&HeaderName::Contact) {
            response.headers.push(HeaderName::Contact, contact.clone());
        }
        let sent_by = request.headers.via().unwrap().sent_by();
        self.send(&response.to_bytes(), sent_by.parse().unwrap())
            .await;
    }

    async fn invite(&self, uri: &Uri, to: SocketAddr) {
        let mut invite = self.to_agent(Method::Invite, uri, "<sip:alice@example.test>");
        put(&mut invite, HeaderName::ContentType, "application/sdp");
        invite.body = Bytes::from_static(b"v=0\r\n");
        self.send(&invite.to_bytes(), to).await;
    }

    async fn acknowledge(&self, uri: &Uri, answer: &Response, to: SocketAddr) {
        let to_header = answer.headers.to().unwrap().to_string();
        let ack = self.to_agent(Method::Ack, uri, &to_header);
        self.send(&ack.to_bytes(), to).await;
    }

    fn to_agent(&self, method: Method, uri: &Uri, to: &str) -> Request {
        let here = self.addr();
        let mut request = Request::new(method.clone(), uri.clone());
        let via = format!("SIP/2.0/UDP {here};rport;branch=z9hG4bKphone{method}");
        put(&mut request, HeaderName::Via, &via);
        put(&mut request, HeaderName::MaxForwards, "70");
        put(
            &mut request,
            HeaderName::From,
            "<sip:bob@example.test>;tag=phone",
        );
        put(&mut request, HeaderName::To, to);
        put(&mut request, HeaderName::CallId, "from-the-phone");
        put(&mut request, HeaderName::CSeq, &format!("1 {method}"));
        put(
            &mut request,
            HeaderName::Contact,
            &format!("<sip:bob@{here}>"),
        );
        request
    }

    async fn send(&self, bytes: &[u8], to: SocketAddr) {
        self.socket.send_to(bytes, to).await.unwrap();
    }
}

fn put(request: &mut Request, name: HeaderName, value: &str) {
    request.headers.push(name, HeaderValue::new(value).unwrap());
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future)
        .await
        .expect("nothing happened within the deadline")
}
