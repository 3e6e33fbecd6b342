//! The task around a call: however it ends, nothing is left of it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use media::{BrowserAddress, Limits, Media, MediaConfig, PhoneAddress};
use sip_stack::account::SessionId;
use sip_stack::command::Command;
use tokio::sync::mpsc;

use super::harness::{BROWSER_OFFER, locals, outgoing};
use crate::backend::Numbers;
use crate::call::{Call, CallEvent, CallTask, Switchboard, mailbox};
use crate::client::{ClientEvent, ClientLink};
use crate::directory::Directory;
use crate::ledger::{Kind, Ledger};
use crate::random::Random;
use crate::sip::SipHandle;

#[tokio::test]
async fn a_task_that_dies_hangs_up_tells_the_client_and_leaves_nothing() {
    let media = Media::start(media_config()).expect("starts");
    let (directory, ledger) = (Directory::default(), Ledger::default());
    let (commands, mut sent) = mpsc::channel(8);
    let (link, mut client) = ClientLink::new();
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
    let mut task = Box::pin(CallTask::new(call, mailbox, legs, switchboard, link, entry).run());
    tokio::select! {
        () = &mut task => panic!("over before it began"),
        command = sent.recv() => assert!(matches!(command, Some(Command::Invite { .. }))),
    }

    // What unwinding does, too.
    drop(task);

    assert!(matches!(sent.recv().await, Some(Command::HangUp { .. })));
    match client.events.recv().await {
        Some(ClientEvent::Call {
            event: CallEvent::Terminated { reason },
            ..
        }) => assert_eq!(reason.to_string(), "500 Internal error"),
        other => panic!("{other:?}"),
    }
    assert_eq!(directory.len(), (0, 0));
    assert_eq!(ledger.count(Kind::Call), 0);
    media.shutdown();
}

fn media_config() -> MediaConfig {
    let here = Ipv4Addr::LOCALHOST.into();
    MediaConfig {
        workers: 1,
        browser: BrowserAddress {
            bind: SocketAddr::new(here, 0),
            advertised: None,
        },
        phone: PhoneAddress {
            bind: here,
            advertised: None,
            ports: 21_900..=21_999,
        },
        limits: Limits::default(),
    }
}
