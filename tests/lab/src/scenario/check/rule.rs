//! What must hold within a rule of the censor.

use super::Complaint;
use crate::scenario::{Action, Port, Reads, Rule, When};

/// Says what is wrong with a rule.
pub(super) fn check(rule: &Rule) -> Result<(), Complaint> {
    check_action(&rule.when, &rule.action)?;
    check_manner(rule)
}

/// What is done can be done to what matches.
fn check_action(when: &When, action: &Action) -> Result<(), Complaint> {
    let fits = match action {
        Action::Drop | Action::Icmp(_) => true,
        Action::Reset | Action::Close => {
            matches!(
                when,
                When::Sni(_) | When::Ech | When::SpanningHello | When::Host(_) | When::Dns(_)
            )
        }
        Action::Refuse => matches!(when, When::Endpoint(_) | When::Port(Port::Tcp(_))),
        Action::Dns(_) | Action::Nxdomain | Action::Rcode(_) => matches!(when, When::Dns(_)),
        Action::Blockpage(_) | Action::Response(_) => matches!(when, When::Host(_)),
        Action::Stun(_) => matches!(when, When::Endpoint(_) | When::Port(Port::Udp(_))),
        Action::ResetAfterBytes(_) => matches!(
            when,
            When::Sni(_) | When::Host(_) | When::Endpoint(_) | When::Port(Port::Tcp(_))
        ),
        Action::ThrottleBytesPerSecond(_) => !matches!(when, When::Dns(_)),
    };
    let (word, remedy) = match action {
        Action::Drop => ("drop", ""),
        Action::Icmp(_) => ("icmp", ""),
        Action::Reset => (
            "reset",
            "reset needs when = { sni = … }, { host = … } or { dns = … }; refuse is for endpoints",
        ),
        Action::Close => (
            "close",
            "close needs when = { sni = … }, { host = … } or { dns = … }; refuse is for endpoints",
        ),
        Action::Refuse => (
            "refuse",
            "refuse needs when = { endpoint = … }; reset is for names",
        ),
        Action::Dns(_) => ("dns", "an injected answer needs when = { dns = … }"),
        Action::Nxdomain => ("nxdomain", "an injected answer needs when = { dns = … }"),
        Action::Rcode(_) => ("rcode", "an injected answer needs when = { dns = … }"),
        Action::Blockpage(_) => ("blockpage", "a blockpage needs when = { host = … }"),
        Action::Response(_) => ("response", "a response needs when = { host = … }"),
        Action::Stun(_) => (
            "stun",
            "a forged address needs when = { port = \"udp/3478\" } or { endpoint = … }",
        ),
        Action::ResetAfterBytes(_) => (
            "reset_after_bytes",
            "it needs when = { sni = … }, { host = … }, { endpoint = … } or { port = \"tcp/443\" }",
        ),
        Action::ThrottleBytesPerSecond(_) => (
            "throttle_bytes_per_second",
            "throttling needs when = { sni = … }, { host = … } or { endpoint = … }",
        ),
    };
    if !fits {
        return Err((
            format!("`{word}` cannot be done to what this rule matches"),
            remedy,
        ));
    }
    match action {
        Action::ThrottleBytesPerSecond(rate) if *rate < 1000 => Err((
            format!("{rate} bytes per second is less than one packet"),
            "allow 1000 or more; drop blocks all",
        )),
        Action::Dns(addresses) if addresses.is_empty() => Err((
            "an injected answer has no address".into(),
            "add one, or use do = \"nxdomain\"",
        )),
        _ => Ok(()),
    }
}

/// What is said of the way a rule acts has an effect.
fn check_manner(rule: &Rule) -> Result<(), Complaint> {
    let reads_hellos = matches!(rule.when, When::Sni(_) | When::QuicSni(_) | When::Ech);
    if rule.reads != Reads::default() && !reads_hellos {
        return Err((
            "reads is said of a rule that reads no ClientHello".into(),
            "leave it out, or use when = { sni = … }, { quic_sni = … } or \"ech\"",
        ));
    }
    let blocks = matches!(rule.action, Action::Drop | Action::Reset | Action::Close);
    let is_sticky = matches!(rule.when, When::Endpoint(_) | When::Port(_));
    if rule.residual_seconds > 0 && (!blocks || is_sticky) {
        return Err((
            "residual_seconds on a rule that blocks no names, or blocks for ever".into(),
            "use it with drop, reset or close, and not with endpoints and ports",
        ));
    }
    let forges = matches!(rule.action, Action::Dns(_) | Action::Nxdomain | Action::Rcode(_));
    if rule.delay_ms > 0 && !forges {
        return Err((
            "delay_ms on a rule that forges no DNS answer".into(),
            "leave it out; the world's own delay_ms stands at the top of the document",
        ));
    }
    Ok(())
}
