//! The messaging nettests: telegram, whatsapp, signal, `facebook_messenger`.
//!
//! Their lists of what to measure come with the script. What a list leaves out can not be concluded about.

use super::{GETTER, GETTER_LATER, is_status_of};
use crate::check::{
    shape::{Ask as _, Object, Others, Record, Shape, concluded, rule},
    words::{FAILURE, SOMETHING},
};

const STATUS: Shape = Shape::Word(&["ok", "blocked"]);
const NAMES: Shape = Shape::List(&SOMETHING);
const MAYBE: Shape = Shape::OrNull(&Shape::Bool);

pub(super) const TELEGRAM: Record = Record {
    source: "ts-020",
    fields: &[
        GETTER,
        &[
            concluded("telegram_http_blocking", Shape::Bool),
            concluded("telegram_tcp_blocking", Shape::Bool),
            concluded("telegram_web_failure", FAILURE),
            concluded("telegram_web_status", STATUS),
        ],
    ],
    others: Others::Observations,
    rules: &[
        rule(
            "telegram_web_status",
            "\"blocked\" where telegram_web_failure is not null",
            |it| is_status_of(it, "telegram_web_status", "telegram_web_failure"),
        ),
        rule("telegram_tcp_blocking", "false, since HTTP works", |it| {
            it.flag("telegram_http_blocking") != Some(false) || it.flag("telegram_tcp_blocking") != Some(true)
        }),
    ],
};

pub(super) const WHATSAPP: Record = Record {
    source: "ts-018",
    fields: &[
        GETTER,
        &[
            concluded("registration_server_failure", FAILURE),
            concluded("registration_server_status", STATUS),
            concluded("whatsapp_endpoints_blocked", NAMES),
            concluded("whatsapp_endpoints_dns_inconsistent", NAMES),
            concluded("whatsapp_endpoints_status", STATUS),
            concluded("whatsapp_web_failure", FAILURE),
            concluded("whatsapp_web_status", STATUS),
        ],
    ],
    others: Others::Observations,
    rules: &[
        rule(
            "registration_server_status",
            "\"blocked\" where registration_server_failure is not null",
            |it| is_status_of(it, "registration_server_status", "registration_server_failure"),
        ),
        rule(
            "whatsapp_web_status",
            "\"blocked\" where whatsapp_web_failure is not null",
            |it| is_status_of(it, "whatsapp_web_status", "whatsapp_web_failure"),
        ),
    ],
};

pub(super) const SIGNAL: Record = Record {
    source: "ts-029",
    fields: &[
        GETTER,
        &[
            concluded("signal_backend_failure", FAILURE),
            concluded("signal_backend_status", STATUS),
        ],
    ],
    others: Others::Observations,
    rules: &[rule(
        "signal_backend_status",
        "\"blocked\" where signal_backend_failure is not null",
        |it| is_status_of(it, "signal_backend_status", "signal_backend_failure"),
    )],
};

pub(super) const FACEBOOK_MESSENGER: Record = Record {
    source: "ts-019",
    fields: &[
        GETTER_LATER,
        &[
            concluded("facebook_b_api_dns_consistent", MAYBE),
            concluded("facebook_b_api_reachable", MAYBE),
            concluded("facebook_b_graph_dns_consistent", MAYBE),
            concluded("facebook_b_graph_reachable", MAYBE),
            concluded("facebook_edge_dns_consistent", MAYBE),
            concluded("facebook_edge_reachable", MAYBE),
            concluded("facebook_external_cdn_dns_consistent", MAYBE),
            concluded("facebook_external_cdn_reachable", MAYBE),
            concluded("facebook_scontent_cdn_dns_consistent", MAYBE),
            concluded("facebook_scontent_cdn_reachable", MAYBE),
            concluded("facebook_star_dns_consistent", MAYBE),
            concluded("facebook_star_reachable", MAYBE),
            concluded("facebook_stun_dns_consistent", MAYBE),
            concluded("facebook_stun_reachable", Shape::Null),
            concluded("facebook_dns_blocking", Shape::Bool),
            concluded("facebook_tcp_blocking", Shape::Bool),
        ],
    ],
    others: Others::Observations,
    rules: &[
        rule(
            "facebook_dns_blocking",
            "true where an answer is not consistent, and only there",
            |it| is_any_false(it, "_dns_consistent", "facebook_dns_blocking"),
        ),
        rule(
            "facebook_tcp_blocking",
            "true where a server is not reachable, and only there",
            |it| is_any_false(it, "_reachable", "facebook_tcp_blocking"),
        ),
        rule(
            "facebook_dns_blocking",
            "nothing said of reaching a server that was not found",
            |it| {
                it.iter().all(|(key, reachable)| {
                    let Some(server) = key.strip_suffix("_reachable") else {
                        return true;
                    };
                    it.flag(&format!("{server}_dns_consistent")) != Some(false) || reachable.is_null()
                })
            },
        ),
    ],
};

/// Whether `verdict` is true exactly where a key that ends so is false.
fn is_any_false(it: &Object, suffix: &str, verdict: &str) -> bool {
    let any = it
        .iter()
        .any(|(key, value)| key.ends_with(suffix) && *value == false);
    it.flag(verdict).is_none_or(|verdict| verdict == any)
}
