mod dns;
mod dnsmasq;
mod harness;
mod shutdown;
mod stream;
mod tls;
mod udp;
