//! Control routes for tests in other languages, under `/_fake/`, without signatures: the log, the clock, sessions and
//! faults.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use crate::faults::Fault;
use crate::http::{Received, Reply, Shared};

/// `{"offset": seconds}` or `{"advance": seconds}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetClock {
    offset: Option<i64>,
    advance: Option<u64>,
}

/// `{"lifetime": seconds}`: how long new sessions last. `null`: as long as requests ask for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetSessions {
    lifetime: Option<i64>,
}

/// `{"kind": "throttling", "action": "GetSessionToken", "count": 2}`, plus what the kind requires. With
/// `"processed": true`, the request still takes effect.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AddFault {
    kind: String,
    action: Option<String>,
    count: Option<u32>,
    after: Option<u32>,
    #[serde(default)]
    processed: bool,
    status: Option<u16>,
    code: Option<String>,
    message: Option<String>,
    ms: Option<u64>,
}

pub(crate) fn answer(shared: &Shared, route: &str, request: &Received) -> Reply {
    let result = match (request.method.as_str(), route) {
        ("GET", "requests") => Ok(json!(shared.log().all())),
        ("DELETE", "requests") => {
            shared.log().clear();
            Ok(json!({}))
        }
        ("POST", "clock") => parse(&request.body).map(|set| set_clock(shared, &set)),
        ("POST", "sessions") => parse(&request.body).map(|set: SetSessions| {
            shared.account().set_session_lifetime(set.lifetime);
            json!({})
        }),
        ("POST", "fault") => parse(&request.body).and_then(|order| add_fault(shared, &order)),
        ("DELETE", "fault") => {
            shared.faults().clear();
            Ok(json!({}))
        }
        ("GET", route) if route.starts_with("code/") => next_code(shared, &route["code/".len()..]),
        (method, _) => Err(format!("unknown control route: {method} /_fake/{route}")),
    };
    let (status, body) = match result {
        Ok(body) => (200, body),
        Err(error) => (400, json!({ "error": error })),
    };
    Reply::new(status, "application/json", format!("{body}\n"))
}

/// A code of the user's device that STS would accept now and for a few more seconds.
fn next_code(shared: &Shared, user: &str) -> Result<serde_json::Value, String> {
    let now = shared.clock.now();
    let account = shared.account();
    let device = account.devices_of(user).next().ok_or_else(|| format!("`{user}` has no device"))?;
    let code = account.judge.next_code(device, now).ok_or("all codes are used")?;
    Ok(json!({ "code": code }))
}

fn parse<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

fn set_clock(shared: &Shared, set: &SetClock) -> serde_json::Value {
    if let Some(seconds) = set.offset {
        shared.clock.set_offset(seconds);
    }
    if let Some(seconds) = set.advance {
        shared.clock.advance(Duration::from_secs(seconds));
    }
    json!({ "now": crate::clock::iso(shared.clock.now()) })
}

fn add_fault(shared: &Shared, order: &AddFault) -> Result<serde_json::Value, String> {
    let mut fault = match order.kind.as_str() {
        "throttling" => Fault::throttling(),
        "service_failure" => Fault::service_failure(),
        "unavailable" => Fault::unavailable(),
        "drop_before" => Fault::drop_before(),
        "drop_after" => Fault::drop_after(),
        "captive_portal" => Fault::captive_portal(),
        "captive_redirect" => Fault::captive_redirect(),
        "garbage" => Fault::garbage(),
        "delay" => Fault::delay(Duration::from_millis(order.ms.ok_or("a delay requires `ms`")?)),
        "error" => Fault::error(
            order.status.ok_or("an error requires `status`")?,
            order.code.as_deref().ok_or("an error requires `code`")?,
            order.message.as_deref().unwrap_or_default(),
        ),
        other => return Err(format!("unknown kind of fault: `{other}`")),
    };
    fault = fault.times(order.count.unwrap_or(1)).after(order.after.unwrap_or(0));
    if order.processed {
        fault = fault.processed();
    }
    if let Some(action) = &order.action {
        fault = fault.on(action);
    }
    shared.faults().push(fault);
    Ok(json!({}))
}
