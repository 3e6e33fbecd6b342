//! A network between pages and gateway that takes its time, with real sockets on both of its ends.
//!
//! What comes in leaves after a while, in order and untouched: bytes of a WebSocket's connection,
//! datagrams of a call. Nothing is lost here but what does not fit into a line's room.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::{OnceCell, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// What may be on its way in one direction; a page sends a packet each 20 ms.
const ROOM: usize = 1024;
const READ: usize = 16 << 10;
const DATAGRAM: usize = 2048;

/// What left at one end, and when it is at the other.
type Line = mpsc::Receiver<(Instant, Vec<u8>)>;

/// The way of WebSockets to one gateway. Dropping it breaks their connections.
#[derive(Debug)]
pub(crate) struct FarDoor {
    pub(crate) address: SocketAddr,
    _tasks: JoinSet<()>,
}

/// The way of one call's datagrams.
#[derive(Debug)]
pub(crate) struct FarMedia {
    pub(crate) address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl FarDoor {
    /// Listens for pages whose gateway is at `gateway`, `one_way` from here.
    pub(crate) async fn open(gateway: SocketAddr, one_way: Duration) -> io::Result<Self> {
        let listener = TcpListener::bind((gateway.ip(), 0)).await?;
        let address = listener.local_addr()?;
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut lines = JoinSet::new();
            while let Ok((page, _)) = listener.accept().await {
                let Ok(gateway) = TcpStream::connect(gateway).await else {
                    continue;
                };
                // A delay of the system's own would be added to ours.
                let _slower = (page.set_nodelay(true), gateway.set_nodelay(true));
                let (page, gateway) = (page.into_split(), gateway.into_split());
                carry(&mut lines, page.0, gateway.1, one_way);
                carry(&mut lines, gateway.0, page.1, one_way);
            }
        });
        Ok(Self {
            address,
            _tasks: tasks,
        })
    }
}

fn carry(
    tasks: &mut JoinSet<()>,
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    one_way: Duration,
) {
    let (into, mut line) = mpsc::channel(ROOM);
    tasks.spawn(async move {
        let mut buffer = vec![0; READ];
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            let item = (Instant::now() + one_way, buffer[..length].to_vec());
            if into.send(item).await.is_err() {
                return;
            }
        }
    });
    tasks.spawn(async move {
        while let Some(bytes) = arrive(&mut line).await {
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
    });
}

impl FarMedia {
    /// A port that stands for `gateway`, `one_way` from here.
    pub(crate) async fn open(gateway: SocketAddr, one_way: Duration) -> io::Result<Self> {
        let here: IpAddr = gateway.ip();
        let near = Arc::new(UdpSocket::bind((here, 0)).await?);
        let far = Arc::new(UdpSocket::bind((here, 0)).await?);
        far.connect(gateway).await?;
        let address = near.local_addr()?;
        // Where the page is, once it has spoken.
        let page = Arc::new(OnceCell::new());
        let mut tasks = JoinSet::new();

        let (into, mut line) = mpsc::channel(ROOM);
        let (socket, known) = (near.clone(), page.clone());
        tasks.spawn(async move {
            let mut buffer = vec![0; DATAGRAM];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                let _known_already = known.set(from);
                let item = (Instant::now() + one_way, buffer[..length].to_vec());
                // A line that is full loses it, as networks do.
                let _lost = into.try_send(item);
            }
        });
        let socket = far.clone();
        tasks.spawn(async move {
            while let Some(datagram) = arrive(&mut line).await {
                // As good as lost on the way.
                let _lost = socket.send(&datagram).await;
            }
        });

        let (into, mut line) = mpsc::channel(ROOM);
        tasks.spawn(async move {
            let mut buffer = vec![0; DATAGRAM];
            while let Ok(length) = far.recv(&mut buffer).await {
                let item = (Instant::now() + one_way, buffer[..length].to_vec());
                let _lost = into.try_send(item);
            }
        });
        tasks.spawn(async move {
            while let Some(datagram) = arrive(&mut line).await {
                if let Some(page) = page.get() {
                    let _lost = near.send_to(&datagram, page).await;
                }
            }
        });
        Ok(Self {
            address,
            _tasks: tasks,
        })
    }
}

/// The next of what is on its way, when it has arrived.
async fn arrive(line: &mut Line) -> Option<Vec<u8>> {
    let (at, bytes) = line.recv().await?;
    sleep_until(at).await;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const ONE_WAY: Duration = Duration::from_millis(30);

    #[tokio::test]
    async fn datagrams_and_bytes_come_through_late_and_whole() {
        let gateway = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("bound");
        let address = gateway.local_addr().expect("bound");
        let way = FarMedia::open(address, ONE_WAY).await.expect("opened");
        let page = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("bound");
        let (start, mut buffer) = (Instant::now(), [0; 16]);
        page.send_to(b"check", way.address).await.expect("sent");
        let (length, from) = gateway.recv_from(&mut buffer).await.expect("came");
        assert_eq!(&buffer[..length], b"check");
        gateway.send_to(b"answer", from).await.expect("sent");
        let length = page.recv(&mut buffer).await.expect("came");
        assert_eq!(&buffer[..length], b"answer");
        assert!(start.elapsed() >= 2 * ONE_WAY);

        let gateway = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("bound");
        let address = gateway.local_addr().expect("bound");
        let way = FarDoor::open(address, ONE_WAY).await.expect("opened");
        let mut page = TcpStream::connect(way.address).await.expect("connected");
        let start = Instant::now();
        page.write_all(b"GET").await.expect("written");
        let (mut accepted, _) = gateway.accept().await.expect("connected");
        accepted.read_exact(&mut buffer[..3]).await.expect("came");
        assert_eq!(&buffer[..3], b"GET");
        assert!(start.elapsed() >= ONE_WAY);
    }
}
