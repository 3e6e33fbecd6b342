//! The daemon as a process: what it tells systemd, and how it ends.

use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const CONFIGURATION: &str = "[[web.listen]]\naddress = \"127.0.0.1:0\"\n\
    [[sip.listen]]\ntransport = \"udp\"\naddress = \"127.0.0.1:0\"\n\
    [media.browser]\naddress = \"127.0.0.1\"\nport = 0\n\
    [media.phone]\naddress = \"127.0.0.1\"\nports = [21800, 21819]\n";

#[test]
fn says_when_it_is_ready_and_when_it_stops_and_ends_with_success() {
    for signal in ["TERM", "INT"] {
        let daemon = Daemon::start(&format!("process-{signal}"), CONFIGURATION);
        assert_eq!(daemon.tells(), "READY=1");
        let process = daemon.child.id().to_string();
        let sent = Command::new("kill")
            .args([&format!("-{signal}"), &process])
            .status();
        assert!(sent.expect("runs").success());
        assert_eq!(daemon.tells(), "STOPPING=1");
        assert_eq!(daemon.ends(), Some(0));
    }
}

#[test]
fn an_address_that_cannot_be_bound_is_told_and_ends_with_1() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("bound");
    let address = taken.local_addr().expect("bound").to_string();
    let configuration = CONFIGURATION.replacen("127.0.0.1:0", &address, 1);
    let mut daemon = Daemon::start("process-taken", &configuration);
    let mut output = String::new();
    let mut stderr = daemon.child.stderr.take().expect("piped");
    std::io::Read::read_to_string(&mut stderr, &mut output).expect("text");
    assert!(
        output.contains(&format!("web listener {address}: ")),
        "{output}"
    );
    assert_eq!(daemon.ends(), Some(1));
}

/// A daemon that believes to be started by systemd.
struct Daemon {
    child: Child,
    systemd: UnixDatagram,
    files: [std::path::PathBuf; 2],
}

impl Daemon {
    fn start(name: &str, configuration: &str) -> Self {
        let file = |kind: &str| {
            let id = std::process::id();
            std::env::temp_dir().join(format!("sylk-gateway-{name}-{id}.{kind}"))
        };
        let files = [file("toml"), file("socket")];
        std::fs::write(&files[0], configuration).expect("writable");
        let systemd = UnixDatagram::bind(&files[1]).expect("bound");
        let patience = Some(Duration::from_secs(20));
        systemd.set_read_timeout(patience).expect("set");
        let child = Command::new(env!("CARGO_BIN_EXE_sylk-gateway"))
            .args(["serve", "--config"])
            .arg(&files[0])
            .env("NOTIFY_SOCKET", &files[1])
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts");
        Self {
            child,
            systemd,
            files,
        }
    }

    fn tells(&self) -> String {
        let mut buffer = [0; 256];
        let length = self.systemd.recv(&mut buffer).expect("told in time");
        String::from_utf8_lossy(&buffer[..length]).trim().to_owned()
    }

    fn ends(mut self) -> Option<i32> {
        self.child.wait().expect("ends").code()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Only a failing test leaves it running.
        let _ended = self.child.kill();
        for file in &self.files {
            let _removed = std::fs::remove_file(file);
        }
    }
}
