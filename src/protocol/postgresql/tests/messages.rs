//! Messages made by hand.

pub(super) fn joined(parts: &[Vec<u8>]) -> Vec<u8> {
    parts.concat()
}

/// A tagged message around a body.
pub(super) fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    bytes.extend((body.len() as u32 + 4).to_be_bytes());
    bytes.extend(body);
    bytes
}

/// Strings, each with its NUL.
fn strings(strings: &[&str]) -> Vec<u8> {
    strings
        .iter()
        .flat_map(|string| string.bytes().chain([0]))
        .collect()
}

pub(super) fn startup(code: u32, parameters: &[&str]) -> Vec<u8> {
    let mut body = code.to_be_bytes().to_vec();
    body.extend(strings(parameters));
    body.push(0);
    [(body.len() as u32 + 4).to_be_bytes().to_vec(), body].concat()
}

pub(super) fn query(text: &str) -> Vec<u8> {
    message(b'Q', &strings(&[text]))
}

pub(super) fn parse(name: &str, text: &str) -> Vec<u8> {
    message(b'P', &[strings(&[name, text]), vec![0, 0]].concat())
}

pub(super) fn bind(portal: &str, statement: &str) -> Vec<u8> {
    message(b'B', &[strings(&[portal, statement]), vec![0; 6]].concat())
}

/// Describe or Close of `S`tatement or `P`ortal.
pub(super) fn about(tag: u8, what: &str, name: &str) -> Vec<u8> {
    message(tag, &strings(&[&format!("{what}{name}")]))
}

pub(super) fn execute(portal: &str, most: u32) -> Vec<u8> {
    message(b'E', &[strings(&[portal]), most.to_be_bytes().to_vec()].concat())
}

pub(super) fn sync() -> Vec<u8> {
    message(b'S', b"")
}

/// Server messages without a body.
pub(super) fn bare(tags: &[u8]) -> Vec<u8> {
    tags.iter().flat_map(|&tag| message(tag, b"")).collect()
}

pub(super) fn complete(tag: &str) -> Vec<u8> {
    message(b'C', &strings(&[tag]))
}

pub(super) fn ready(state: u8) -> Vec<u8> {
    message(b'Z', &[state])
}

/// An error, or with tag `N` a notice.
pub(super) fn error(tag: u8, severity: &str, code: &str) -> Vec<u8> {
    let fields = [
        format!("S{severity}"),
        format!("V{severity}"),
        format!("C{code}"),
        "Mwhy".to_string(),
    ];
    let mut body: Vec<u8> = fields.iter().flat_map(|field| field.bytes().chain([0])).collect();
    body.push(0);
    message(tag, &body)
}

/// A row of one column; `None` is NULL.
pub(super) fn row(value: Option<&[u8]>) -> Vec<u8> {
    let length = value.map_or(u32::MAX, |value| value.len() as u32);
    message(
        b'D',
        &[&[0, 1], &length.to_be_bytes()[..], value.unwrap_or_default()].concat(),
    )
}
