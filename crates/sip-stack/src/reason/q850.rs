//! What causes of telephone networks (ITU-T Q.850) are in SIP (RFC 3398 §7.2.4.1, §8.2.6.1).
//!
//! Ends of calls in the normal way (16, 31, and 26, which is "answered elsewhere") are no
//! failures and have no entry.

/// Cause, status, and what Q.850 calls it.
const CAUSES: [(u16, u16, &str); 36] = [
    (1, 404, "Unallocated number"),
    (2, 404, "No route to transit network"),
    (3, 404, "No route to destination"),
    (17, 486, "User busy"),
    (18, 408, "No user responding"),
    (19, 480, "No answer from user"),
    (20, 480, "Subscriber absent"),
    (21, 403, "Call rejected"),
    (22, 410, "Number changed"),
    (27, 502, "Destination out of order"),
    (28, 484, "Invalid number format"),
    (29, 501, "Facility rejected"),
    (34, 503, "No circuit available"),
    (38, 503, "Network out of order"),
    (41, 503, "Temporary failure"),
    (42, 503, "Switching equipment congestion"),
    (44, 503, "Requested circuit not available"),
    (47, 503, "Resource unavailable"),
    (50, 503, "Requested facility not subscribed"),
    (55, 403, "Incoming calls barred within CUG"),
    (57, 403, "Bearer capability not authorized"),
    (58, 503, "Bearer capability not available"),
    (63, 503, "Service or option not available"),
    (65, 488, "Bearer capability not implemented"),
    (69, 501, "Requested facility not implemented"),
    (70, 488, "Only restricted digital information available"),
    (79, 501, "Service or option not implemented"),
    (87, 403, "User not member of CUG"),
    (88, 503, "Incompatible destination"),
    (95, 400, "Invalid message"),
    (96, 500, "Mandatory information element missing"),
    (97, 500, "Message type non-existent"),
    (102, 504, "Recovery on timer expiry"),
    (103, 500, "Parameter non-existent"),
    (111, 500, "Protocol error"),
    (127, 500, "Interworking"),
];

/// The status of a cause that is a failure, and the cause's name.
pub(super) fn status(cause: u16) -> Option<(u16, &'static str)> {
    let found = CAUSES.iter().find(|(known, _, _)| *known == cause);
    found.map(|(_, code, name)| (*code, *name))
}
