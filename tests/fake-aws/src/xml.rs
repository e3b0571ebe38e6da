//! XML text: escaping, elements, and the two envelopes of the Query protocol.

use crate::error::ApiError;

/// `text` as XML character data.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\r' => out.push_str("&#xD;"),
            // XML 1.0 has no way to carry the other control characters.
            c if c.is_control() && c != '\n' && c != '\t' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// `<name>text</name>`, escaped.
pub(crate) fn text(name: &str, text: &str) -> String {
    format!("<{name}>{}</{name}>", escape(text))
}

/// `<name>inner</name>`, where `inner` is XML.
pub(crate) fn element(name: &str, inner: &str) -> String {
    if inner.is_empty() { format!("<{name}/>") } else { format!("<{name}>{inner}</{name}>") }
}

/// `<name><member>…</member>…</name>`.
pub(crate) fn members(name: &str, items: impl IntoIterator<Item = String>) -> String {
    let inner: String = items.into_iter().map(|item| element("member", &item)).collect();
    element(name, &inner)
}

/// A successful response. Operations without output have no result element.
pub(crate) fn response(action: &str, namespace: &str, result: Option<&str>, request_id: &str) -> String {
    let result = result.map(|inner| element(&format!("{action}Result"), inner)).unwrap_or_default();
    format!(
        "<{action}Response xmlns=\"{namespace}\">{result}<ResponseMetadata><RequestId>{request_id}</RequestId>\
         </ResponseMetadata></{action}Response>"
    )
}

/// The document without the elements of this name.
pub(crate) fn without(document: &[u8], name: &str) -> Vec<u8> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut rest = String::from_utf8_lossy(document).into_owned();
    while let Some((before, after)) = rest.split_once(&open) {
        let after = after.split_once(&close).map_or("", |(_, after)| after);
        rest = format!("{before}{after}");
    }
    rest.into_bytes()
}

/// An error response.
pub(crate) fn error(error: &ApiError, namespace: &str, request_id: &str) -> String {
    let kind = if error.status >= 500 { "Receiver" } else { "Sender" };
    let message = if error.message.is_empty() { String::new() } else { text("Message", &error.message) };
    let inner = [text("Type", kind), text("Code", &error.code), message].concat();
    format!(
        "<ErrorResponse xmlns=\"{namespace}\"><Error>{inner}</Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped() {
        assert_eq!(
            text("Message", "a<b>&\"c'\u{1}"),
            "<Message>a&lt;b&gt;&amp;&quot;c&apos;\u{fffd}</Message>"
        );
    }

    #[test]
    fn element_is_removed() {
        assert_eq!(without(b"<a><b>1</b><c>2</c><b/></a>", "b"), b"<a><c>2</c><b/></a>");
    }

    #[test]
    fn error_has_the_format_of_aws() {
        let refused = ApiError::new(403, "AccessDenied", "no ");
        assert_eq!(
            error(&refused, "https://sts.amazonaws.com/doc/2011-06-15/", "id"),
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
             <Code>AccessDenied</Code><Message>no </Message></Error><RequestId>id</RequestId></ErrorResponse>"
        );
    }
}
