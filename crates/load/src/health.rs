//! Asks the daemon how it is: `GET /healthz`, and whether its ledger of live objects is empty.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

const ANSWER_LIMIT: Duration = Duration::from_secs(5);
const MAX_ANSWER: u64 = 64 * 1024;
/// Between two looks while waiting.
const PAUSE: Duration = Duration::from_millis(200);
/// What lives as long as the daemon is not expected to go.
const PERMANENT: &str = "permanent";

/// One answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Health {
    /// The HTTP status.
    pub status: u16,
    body: Value,
}

impl Health {
    /// Asks once.
    ///
    /// # Errors
    /// When there is no answer in time, or none that can be read.
    pub async fn ask(web: SocketAddr) -> io::Result<Self> {
        let exchange = async {
            let mut stream = TcpStream::connect(web).await?;
            let request =
                format!("GET /healthz HTTP/1.1\r\nHost: {web}\r\nConnection: close\r\n\r\n");
            stream.write_all(request.as_bytes()).await?;
            let mut answer = String::new();
            stream.take(MAX_ANSWER).read_to_string(&mut answer).await?;
            io::Result::Ok(answer)
        };
        let answer = timeout(ANSWER_LIMIT, exchange)
            .await
            .map_err(io::Error::other)??;
        Self::read(&answer).ok_or_else(|| io::Error::other("no health in the answer"))
    }

    fn read(answer: &str) -> Option<Self> {
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split_ascii_whitespace().nth(1)?.parse().ok()?;
        let body = serde_json::from_str(body).ok()?;
        Some(Self { status, body })
    }

    /// What is alive and should not be, as `part.kind = number`; empty at rest.
    #[must_use]
    pub fn left(&self) -> Vec<String> {
        let mut left = Vec::new();
        match self.body.get("ledger").and_then(Value::as_object) {
            None => left.push("no ledger in the answer".to_owned()),
            Some(ledger) => {
                for (part, counts) in ledger.iter().filter(|(part, _)| *part != PERMANENT) {
                    name_counts(part, counts, &mut left);
                }
            }
        }
        left
    }

    /// Asks until nothing is left, for a limited time; the last answer.
    ///
    /// # Errors
    /// When the daemon does not answer.
    pub async fn at_rest(web: SocketAddr, limit: Duration) -> io::Result<Self> {
        let deadline = Instant::now() + limit;
        loop {
            let health = Self::ask(web).await?;
            if health.left().is_empty() || Instant::now() >= deadline {
                return Ok(health);
            }
            sleep(PAUSE).await;
        }
    }
}

fn name_counts(name: &str, value: &Value, left: &mut Vec<String>) {
    match value {
        Value::Object(parts) => {
            for (part, inner) in parts {
                name_counts(&format!("{name}.{part}"), inner, left);
            }
        }
        Value::Number(number) if number.as_u64() == Some(0) => {}
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            left.push(format!("{name} = {value}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_named_and_the_permanent_is_not() {
        let health = Health::read(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n\
             {\"status\":\"ok\",\"ledger\":{\"sip\":{\"dialogs\":2,\"timers\":0},\
             \"media\":{\"timers\":0},\"permanent\":{\"media_threads\":1}}}",
        )
        .expect("an answer");
        assert_eq!(health.status, 200);
        assert_eq!(health.left(), ["sip.dialogs = 2"]);
    }

    #[test]
    fn an_answer_without_a_ledger_is_not_rest() {
        let health = Health::read("HTTP/1.1 404 Not Found\r\n\r\n{}").expect("an answer");
        assert_eq!(health.left().len(), 1);
        assert_eq!(Health::read("HTTP/1.1 200 OK\r\n\r\nnot json"), None);
    }
}
