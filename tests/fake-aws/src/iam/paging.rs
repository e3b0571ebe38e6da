//! Paging: `Marker`, `MaxItems`, `IsTruncated`. The server may send fewer items than a request asks for.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::dispatch::Call;
use crate::error::ApiError;
use crate::params::{Check, MARKER};
use crate::xml;

pub(crate) struct Page<'a> {
    marker: Option<&'a str>,
    max_items: Option<i32>,
}

impl<'a> Page<'a> {
    pub(crate) fn read(check: &mut Check<'a>) -> Self {
        Self { marker: check.optional("Marker", &MARKER), max_items: check.integer("MaxItems", 1, 1000) }
    }

    /// One page of `items` as the list `name`, with `IsTruncated` and `Marker`.
    pub(crate) fn render(&self, call: &Call<'_>, name: &str, items: Vec<String>) -> Result<String, ApiError> {
        let start = self.start(call.action)?;
        let asked = self.max_items.and_then(|max| usize::try_from(max).ok()).unwrap_or(100);
        let size = asked.min(call.account.page_size.max(1));
        let end = items.len().min(start.saturating_add(size));
        let more = end < items.len();
        let page = items.into_iter().take(end).skip(start);
        let mut out =
            [xml::text("IsTruncated", if more { "true" } else { "false" }), xml::members(name, page)]
                .concat();
        if more {
            out += &xml::text("Marker", &STANDARD.encode(format!("{}:{end}", call.action)));
        }
        Ok(out)
    }

    /// A marker is opaque, and valid only for the operation that returned it.
    fn start(&self, action: &str) -> Result<usize, ApiError> {
        let Some(marker) = self.marker else { return Ok(0) };
        let decoded = STANDARD.decode(marker).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let offset =
            decoded.as_deref().and_then(|text| text.strip_prefix(action)?.strip_prefix(':')?.parse().ok());
        offset.ok_or_else(|| ApiError::validation("Invalid Marker."))
    }
}
