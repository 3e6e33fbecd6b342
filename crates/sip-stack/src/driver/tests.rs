mod dns;
mod dnsmasq;
mod harness;
mod keep_alive;
mod shutdown;
mod stream;
mod tls;
mod udp;
