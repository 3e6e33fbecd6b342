//! The task around a call: however it ends, nothing is left of it.

use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use media::{BrowserAddress, Limits, Media, MediaConfig, PhoneAddress};
use sip_stack::account::SessionId;
use sip_stack::command::Command;
use sip_stack::event::{EndedBy, SessionEvent, StatusReason};
use tokio::sync::mpsc;

use super::harness::{BROWSER_OFFER, locals, outgoing};
use crate::backend::Numbers;
use crate::call::{
    Call, CallEvent, CallTask, Input, Replacement, Switchboard, ToCall, ToCallSender, mailbox,
};
use crate::client::{ClientEvent, ClientLink, ClientMailbox};
use crate::directory::Directory;
use crate::ledger::{Kind, Ledger};
use crate::random::Random;
use crate::sip::SipHandle;

#[tokio::test]
async fn a_task_that_dies_hangs_up_tells_the_client_and_leaves_nothing() {
    let Running {
        media,
        directory,
        ledger,
        mut sent,
        mut client,
        task,
        ..
    } = running().await;

    // What unwinding does, too.
    drop(task);

    assert!(matches!(sent.recv().await, Some(Command::HangUp { .. })));
    assert_eq!(
        last_words(&mut client).await.to_string(),
        "500 Internal error"
    );
    assert_eq!(directory.len(), (0, 0));
    assert_eq!(ledger.count(Kind::Call), 0);
    media.shutdown();
}

#[tokio::test]
async fn a_phone_that_comes_to_take_over_as_the_call_ends_is_refused_at_once() {
    let Running {
        media,
        directory,
        call,
        mut sent,
        task,
        ..
    } = running().await;
    let busy = SessionEvent::Ended {
        reason: StatusReason::new(486, "Busy Here"),
        by: EndedBy::Remote,
        answered_elsewhere: false,
    };
    let other = SessionId::outgoing(2);
    let ended = ToCall::Input(Input::Sip(SessionId::outgoing(1), busy));
    let phone = Replacement {
        session: other,
        sdp: None,
        over_tls: false,
        knows_info: false,
    };
    let route = directory.add_session(other, call.clone());
    let late = ToCall::Replacement(phone, route);
    for item in [ended, late] {
        call.send(Box::new(item)).await.expect("it listens");
    }
    task.await;
    match sent.recv().await {
        Some(Command::Reject { session, code, .. }) => assert_eq!((session, code), (other, 481)),
        command => panic!("{command:?}"),
    }
    drop(call);
    assert_eq!(directory.len(), (0, 0));
    media.shutdown();
}

/// Memory per call, docs/performance.md: an async block keeps room for all that it may ever hold.
#[tokio::test]
async fn a_call_that_waits_takes_little_room() {
    let Running { media, room, .. } = running().await;
    assert!(room <= 1_024, "{room} bytes for the task");
    let held = size_of::<CallTask>();
    assert!(held <= 8_192, "{held} bytes held by it");
    let sizes = [
        size_of::<CallEvent>(),
        size_of::<ClientEvent>(),
        size_of::<ToCall>(),
        size_of::<Input>(),
    ];
    assert!(sizes.iter().all(|size| *size <= 1_024), "{sizes:?}");
    media.shutdown();
}

/// An outgoing call whose INVITE has been taken out.
struct Running {
    media: Media,
    directory: Directory,
    ledger: Ledger,
    call: ToCallSender,
    sent: mpsc::Receiver<Command>,
    client: ClientMailbox,
    task: Pin<Box<dyn Future<Output = ()>>>,
    /// Bytes that the task takes beside what it holds.
    room: usize,
}

async fn running() -> Running {
    let media = Media::start(media_config()).expect("starts");
    let (directory, ledger) = (Directory::default(), Ledger::default());
    let (commands, mut sent) = mpsc::channel(8);
    let (link, client) = ClientLink::new();
    let session = SessionId::outgoing(1);
    let mailbox = mailbox(|sender| directory.add_session(session, sender));
    let legs = mailbox.open_legs(media.worker()).expect("opened");
    let locals = legs.locals(locals().policy);
    let call = Call::outgoing(outgoing(BROWSER_OFFER), locals).expect("usable");
    let entry = ledger.enter(Kind::Call);
    let switchboard = Switchboard {
        sip: SipHandle::recorder(commands),
        directory: directory.clone(),
        numbers: Arc::new(Numbers::new(Random::from_seed([7; 32]))),
    };
    let task = CallTask::new(call, mailbox, legs, switchboard, link, entry);
    let task = task.run();
    let room = size_of_val(&task);
    let mut task: Pin<Box<dyn Future<Output = ()>>> = Box::pin(task);
    tokio::select! {
        () = &mut task => panic!("over before it began"),
        command = sent.recv() => assert!(matches!(command, Some(Command::Invite { .. }))),
    }
    Running {
        media,
        call: directory.call_of(session).expect("found"),
        directory,
        ledger,
        sent,
        client,
        task,
        room,
    }
}

async fn last_words(client: &mut ClientMailbox) -> StatusReason {
    match client.events.recv().await.map(|event| *event) {
        Some(ClientEvent::Call {
            event: CallEvent::Terminated { reason },
            ..
        }) => reason,
        other => panic!("{other:?}"),
    }
}

fn media_config() -> MediaConfig {
    let here = Ipv4Addr::LOCALHOST.into();
    MediaConfig {
        workers: 1,
        browser: BrowserAddress::udp(SocketAddr::new(here, 0)),
        phone: PhoneAddress {
            bind: here,
            advertised: Vec::new(),
            ports: 21_900..=21_999,
        },
        limits: Limits::default(),
    }
}
