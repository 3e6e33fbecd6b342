//! Messages such as a user agent meets every day. All three parsers can read them, so they
//! stay clear of what `rsip` gets wrong (docs/adr/0001): no lists within one line, no quoted
//! parameters, no IPv6, no dots in user parts.

/// What it is, and the message with plain line feeds; `LENGTH` stands for the body's.
pub(crate) const MESSAGES: [(&str, &str); 8] = [
    ("INVITE with SDP", INVITE),
    ("200 OK to INVITE", OK_TO_INVITE),
    ("180 Ringing", RINGING),
    ("REGISTER with credentials", REGISTER),
    ("401 with challenge", UNAUTHORIZED),
    ("200 OK to REGISTER", OK_TO_REGISTER),
    ("OPTIONS ping", OPTIONS),
    ("INVITE over six proxies", CHAIN),
];

/// The bytes of a message.
pub(crate) fn on_the_wire(message: &str) -> Vec<u8> {
    let (head, body) = message
        .split_once("\n\n")
        .unwrap_or_else(|| (message.trim_end(), ""));
    let body = body.replace('\n', "\r\n");
    let head = head
        .replace("LENGTH", &body.len().to_string())
        .replace('\n', "\r\n");
    format!("{head}\r\n\r\n{body}").into_bytes()
}

const INVITE: &str = "\
INVITE sip:4930123456@sip.example.com SIP/2.0
Via: SIP/2.0/UDP 192.0.2.17:5060;branch=z9hG4bK7c1fd8a3b2e94c05;rport
Max-Forwards: 70
From: \"Alice Baker\" <sip:alice@example.com>;tag=8f1c2ab4e6
To: <sip:4930123456@example.com>
Call-ID: 3b1f0c5e-7d0a-4a7e-9a53-0f2f4a1e6c11
CSeq: 4711 INVITE
Contact: <sip:x7f3k9q2@192.0.2.17:5060;transport=udp>
Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, MESSAGE, UPDATE, PRACK, REFER, NOTIFY
Supported: replaces, timer, path, outbound
User-Agent: ExamplePhone/4.2
Content-Type: application/sdp
Content-Length: LENGTH

v=0
o=- 3747 3747 IN IP4 192.0.2.17
s=-
c=IN IP4 192.0.2.17
t=0 0
m=audio 24000 RTP/AVP 96 8 0 101
a=rtpmap:96 opus/48000/2
a=fmtp:96 useinbandfec=1
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=ptime:20
a=sendrecv
";

const OK_TO_INVITE: &str = "\
SIP/2.0 200 OK
Via: SIP/2.0/UDP 192.0.2.17:5060;branch=z9hG4bK7c1fd8a3b2e94c05;rport=5060;received=192.0.2.17
Record-Route: <sip:198.51.100.7;lr;ftag=8f1c2ab4e6>
Record-Route: <sip:198.51.100.9:5080;lr>
From: \"Alice Baker\" <sip:alice@example.com>;tag=8f1c2ab4e6
To: <sip:4930123456@example.com>;tag=as5d2f1c7e
Call-ID: 3b1f0c5e-7d0a-4a7e-9a53-0f2f4a1e6c11
CSeq: 4711 INVITE
Contact: <sip:4930123456@203.0.113.20:5062>
Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, PRACK, UPDATE, INFO, REFER
Server: ExamplePBX/18.2
Content-Type: application/sdp
Content-Length: LENGTH

v=0
o=root 9021 9021 IN IP4 203.0.113.20
s=call
c=IN IP4 203.0.113.20
t=0 0
m=audio 18402 RTP/AVP 8 101
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=ptime:20
a=sendrecv
";

const RINGING: &str = "\
SIP/2.0 180 Ringing
Via: SIP/2.0/UDP 192.0.2.17:5060;branch=z9hG4bK7c1fd8a3b2e94c05;rport=5060;received=192.0.2.17
Record-Route: <sip:198.51.100.7;lr;ftag=8f1c2ab4e6>
From: \"Alice Baker\" <sip:alice@example.com>;tag=8f1c2ab4e6
To: <sip:4930123456@example.com>;tag=as5d2f1c7e
Call-ID: 3b1f0c5e-7d0a-4a7e-9a53-0f2f4a1e6c11
CSeq: 4711 INVITE
Contact: <sip:4930123456@203.0.113.20:5062>
Server: ExamplePBX/18.2
Content-Length: 0
";

const REGISTER: &str = "\
REGISTER sip:example.com SIP/2.0
Via: SIP/2.0/TCP 192.0.2.17:5060;branch=z9hG4bK0d5b7c2fa91e4410;rport
Max-Forwards: 70
From: <sip:alice@example.com>;tag=c04de21b90
To: <sip:alice@example.com>
Call-ID: 9c8e61d2-1b0f-4c8e-8a33-5d6a7f1b2c3d
CSeq: 2 REGISTER
Contact: <sip:x7f3k9q2@192.0.2.17:5060;transport=tcp>
Expires: 600
Authorization: Digest username=\"alice\", realm=\"example.com\", nonce=\"ZkQ5Yk1TNmRvZzRhMmI3Yw==\", uri=\"sip:example.com\", response=\"6629fae49393a05397450978507c4ef1\", algorithm=MD5, qop=auth, cnonce=\"0a4f113b\", nc=00000001
Supported: path, outbound, gruu
User-Agent: ExamplePhone/4.2
Content-Length: 0
";

const UNAUTHORIZED: &str = "\
SIP/2.0 401 Unauthorized
Via: SIP/2.0/TCP 192.0.2.17:5060;branch=z9hG4bK0d5b7c2fa91e4410;rport=41822;received=192.0.2.17
From: <sip:alice@example.com>;tag=c04de21b90
To: <sip:alice@example.com>;tag=b27e1a1d33761e85846fc98f5f3a7e58
Call-ID: 9c8e61d2-1b0f-4c8e-8a33-5d6a7f1b2c3d
CSeq: 1 REGISTER
WWW-Authenticate: Digest realm=\"example.com\", nonce=\"ZkQ5Yk1TNmRvZzRhMmI3Yw==\", qop=\"auth\", algorithm=MD5
Server: ExampleProxy (5.7.4 (x86_64/linux))
Content-Length: 0
";

const OK_TO_REGISTER: &str = "\
SIP/2.0 200 OK
Via: SIP/2.0/TCP 192.0.2.17:5060;branch=z9hG4bK0d5b7c2fa91e4410;rport=41822;received=192.0.2.17
From: <sip:alice@example.com>;tag=c04de21b90
To: <sip:alice@example.com>;tag=b27e1a1d33761e85846fc98f5f3a7e58
Call-ID: 9c8e61d2-1b0f-4c8e-8a33-5d6a7f1b2c3d
CSeq: 2 REGISTER
Contact: <sip:x7f3k9q2@192.0.2.17:5060;transport=tcp>;expires=600
Contact: <sip:desk@198.51.100.44:5060>;expires=1742
Server: ExampleProxy (5.7.4 (x86_64/linux))
Content-Length: 0
";

const OPTIONS: &str = "\
OPTIONS sip:x7f3k9q2@192.0.2.17:5060;transport=udp SIP/2.0
Via: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bK9a2f.51c7ed44.0
Max-Forwards: 10
From: <sip:ping@198.51.100.7>;tag=uloc-5f2c-1
To: <sip:x7f3k9q2@192.0.2.17:5060>
Call-ID: 6b8b4567-327b23c6-643c9869@198.51.100.7
CSeq: 1 OPTIONS
Content-Length: 0
";

const CHAIN: &str = "\
INVITE sip:x7f3k9q2@192.0.2.17:5060;transport=udp SIP/2.0
Record-Route: <sip:198.51.100.7;lr;ftag=1d0a9c6f3b>
Record-Route: <sip:198.51.100.9:5080;lr>
Record-Route: <sip:sbc3@203.0.113.8:5060;lr;transport=udp>
Record-Route: <sip:edge4@203.0.113.9;lr;transport=tcp>
Record-Route: <sip:core5@203.0.113.10;lr;transport=tcp>
Record-Route: <sip:core6@203.0.113.11;lr>
Via: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bK9a2f.51c7ed44.0
Via: SIP/2.0/UDP 198.51.100.9:5080;branch=z9hG4bK1f00.8811aa02.0;rport=5080
Via: SIP/2.0/UDP 203.0.113.8:5060;branch=z9hG4bK-sbc-00af31bb7;received=203.0.113.8
Via: SIP/2.0/TCP 203.0.113.9:5060;branch=z9hG4bK-edge-77aa12f0c
Via: SIP/2.0/TCP 203.0.113.10:5060;branch=z9hG4bK-core-5512ffe01
Via: SIP/2.0/UDP 203.0.113.11:5060;branch=z9hG4bK-core-0c2d19aa7
Via: SIP/2.0/UDP 203.0.113.77:5066;branch=z9hG4bKnashds8;rport=5066;received=203.0.113.77
Max-Forwards: 63
From: \"Bob Carter\" <sip:493098765@carrier.example.net>;tag=1d0a9c6f3b
To: <sip:alice@example.com>
Call-ID: 1f7b2c9d-5e60-4c55-b4c8-7f5bb6c7a0d2@203.0.113.77
CSeq: 102 INVITE
Contact: <sip:493098765@203.0.113.77:5066>
Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, PRACK, UPDATE
Supported: timer, 100rel
Session-Expires: 1800
Min-SE: 90
P-Asserted-Identity: <sip:493098765@carrier.example.net>
User-Agent: ExampleSBC/9.0
Content-Type: application/sdp
Content-Length: LENGTH

v=0
o=sbc 1 1 IN IP4 203.0.113.77
s=-
c=IN IP4 203.0.113.77
t=0 0
m=audio 31002 RTP/AVP 8 0 18 101
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:18 G729/8000
a=rtpmap:101 telephone-event/8000
a=ptime:20
";
