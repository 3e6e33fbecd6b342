//! The web phone, as part of the binary.

use crate::signaling::sylkrtc::http::Page;

/// What the web phone offers in the demo: accounts to sign in with, and somebody to call.
const OFFERS: &str = r#"{
  "accounts": [
    {"address": "alice@sylk.test", "password": "alice"},
    {"address": "bob@sylk.test", "password": "bob"}
  ],
  "peers": [
    {"uri": "echo@sylk.test", "name": "Echo", "what": "repeats what you say"},
    {"uri": "tone@sylk.test", "name": "Tone", "what": "a steady note"},
    {"uri": "callback@sylk.test", "name": "Call me back", "what": "rings you"}
  ]
}
"#;

macro_rules! page {
    ($path:literal, $file:literal, $content_type:literal) => {
        Page {
            path: $path,
            content_type: $content_type,
            body: include_bytes!(concat!("../../../../examples/web-phone/", $file)),
        }
    };
}

/// Every file of the web phone.
pub(super) static PAGES: &[Page] = &[
    page!("", "index.html", "text/html; charset=utf-8"),
    page!("style.css", "style.css", "text/css; charset=utf-8"),
    page!("icon.svg", "icon.svg", "image/svg+xml"),
    page!("app.js", "app.js", "text/javascript; charset=utf-8"),
    page!("call.js", "call.js", "text/javascript; charset=utf-8"),
    page!("md5.js", "md5.js", "text/javascript; charset=utf-8"),
    page!("meter.js", "meter.js", "text/javascript; charset=utf-8"),
    page!(
        "sylkrtc2.js",
        "sylkrtc2.js",
        "text/javascript; charset=utf-8"
    ),
    page!("wire.js", "wire.js", "text/javascript; charset=utf-8"),
    Page {
        path: "demo.json",
        content_type: "application/json",
        body: OFFERS.as_bytes(),
    },
];
