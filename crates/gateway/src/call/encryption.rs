//! Whether a call's audio is encrypted towards the phone: what the operator wants, and whether
//! keys may stand in its signalling.
//!
//! Keys in SDP are as secret as the SIP that carries them (RFC 4568 §8.1). Over UDP and TCP everybody on the
//! way reads them, and audio that passes for encrypted is worse than audio that does not. So
//! encryption that is required needs TLS, and where it is optional there is none without;
//! for laboratories it can be allowed.

use media::SrtpPolicy;
use sip_stack::command::request_uri;
use sip_stack::message::Uri;

/// What holds for the calls of one account.
#[derive(Debug, Clone, Default)]
pub struct Encryption {
    /// What the operator wants on the account's route.
    pub wish: SrtpPolicy,
    /// Whether keys may stand in SIP that is not encrypted itself.
    pub without_tls: bool,
    /// Where every request goes first.
    pub proxy: Option<Uri>,
    /// A URI of the account's own domain, for bare names and numbers.
    pub own: Option<Uri>,
}

/// The audio would have to be encrypted, and everybody could read the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClearSignalling;

impl Encryption {
    /// What holds for a call to `target`. Its signalling counts as encrypted if the URI that is
    /// connected to says so; what DNS might say is not waited for.
    ///
    /// # Errors
    /// [`ClearSignalling`].
    pub fn towards(&self, target: &str) -> Result<SrtpPolicy, ClearSignalling> {
        let is_tls = match (&self.proxy, &self.own) {
            (Some(proxy), _) => names_tls(proxy),
            (None, Some(own)) => request_uri(target, own).is_ok_and(|uri| names_tls(&uri)),
            (None, None) => false,
        };
        self.over(is_tls)
    }

    /// What holds where the signalling is known to be encrypted, or not.
    ///
    /// # Errors
    /// [`ClearSignalling`].
    pub fn over(&self, is_tls: bool) -> Result<SrtpPolicy, ClearSignalling> {
        match self.wish {
            SrtpPolicy::Off => Ok(SrtpPolicy::Off),
            wish if is_tls || self.without_tls => Ok(wish),
            SrtpPolicy::Optional => Ok(SrtpPolicy::Off),
            SrtpPolicy::Required => Err(ClearSignalling),
        }
    }
}

/// Whether whoever connects to this URI does so over TLS.
fn names_tls(uri: &Uri) -> bool {
    let by_parameter = uri.param("transport");
    uri.is_sips() || by_parameter.is_some_and(|name| name.eq_ignore_ascii_case("tls"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encryption(wish: SrtpPolicy, proxy: Option<&str>) -> Encryption {
        let uri = |text: &str| Uri::parse(text).expect("a URI");
        Encryption {
            wish,
            without_tls: false,
            proxy: proxy.map(uri),
            own: Some(uri("sip:sylk.test")),
        }
    }

    #[test]
    fn required_encryption_is_refused_where_everybody_reads_the_keys() {
        for proxy in ["sip:proxy.test", "sip:proxy.test;transport=tcp"] {
            let required = encryption(SrtpPolicy::Required, Some(proxy));
            assert_eq!(required.towards("bob"), Err(ClearSignalling));
            assert_eq!(required.towards("sips:bob@sylk.test"), Err(ClearSignalling));
            let optional = encryption(SrtpPolicy::Optional, Some(proxy));
            assert_eq!(optional.towards("bob"), Ok(SrtpPolicy::Off));
        }
        let required = encryption(SrtpPolicy::Required, None);
        assert_eq!(required.towards("bob"), Err(ClearSignalling));
        assert_eq!(required.over(false), Err(ClearSignalling));
        assert_eq!(required.over(true), Ok(SrtpPolicy::Required));
    }

    #[test]
    fn keys_are_written_where_the_way_is_tls_or_a_laboratory_allows_it() {
        let proxy = Some("sip:proxy.test;transport=TLS;lr");
        for wish in [SrtpPolicy::Off, SrtpPolicy::Optional, SrtpPolicy::Required] {
            assert_eq!(encryption(wish, proxy).towards("bob"), Ok(wish));
            let direct = encryption(wish, None);
            assert_eq!(direct.towards("sips:bob@other.test"), Ok(wish));
            let lab = Encryption {
                without_tls: true,
                ..encryption(wish, None)
            };
            assert_eq!(lab.towards("bob"), Ok(wish));
            assert_eq!(lab.over(false), Ok(wish));
        }
    }
}
