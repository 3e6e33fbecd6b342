//! The longest duration of a call.

use std::time::Duration;

use super::harness::Scenario;
use crate::account::AccountLimits;

#[test]
fn a_call_is_warned_once_and_ends_at_its_longest_duration() {
    let mut call = Scenario::established_under(limits(3600, 60));
    call.wait(Duration::from_secs(3539));
    assert_eq!(call.actions(), [""; 0]);
    call.wait(Duration::from_secs(1));
    assert_eq!(call.actions(), ["client: expiring 60"]);
    call.wait(Duration::from_secs(59));
    assert_eq!(call.actions(), [""; 0]);
    call.wait(Duration::from_secs(1));
    assert_eq!(
        call.actions(),
        [
            "sip: hang up, Maximum call duration",
            "media: close",
            "client: terminated 408 Maximum call duration"
        ]
    );
}

#[test]
fn a_warning_longer_than_the_call_is_left_out() {
    for warning in [0, 30, 31] {
        let mut call = Scenario::established_under(limits(30, warning));
        call.wait(Duration::from_secs(29));
        assert_eq!(call.actions(), [""; 0]);
        call.wait(Duration::from_secs(1));
        assert_eq!(
            call.actions().last().map(String::as_str),
            Some("client: terminated 408 Maximum call duration")
        );
    }
}

#[test]
fn without_a_rule_a_call_lasts_as_long_as_it_likes() {
    let mut call = Scenario::established_under(AccountLimits::default());
    call.wait(Duration::from_secs(7 * 86_400));
    assert_eq!(call.actions(), [""; 0]);
}

fn limits(longest: u64, warning: u64) -> AccountLimits {
    AccountLimits {
        longest_call: Some(Duration::from_secs(longest)),
        warning: Duration::from_secs(warning),
        ..AccountLimits::default()
    }
}
