//! HTTP requests to databases: method, path and names of parameters, without ids and values.
//!
//! A path segment stays where it looks like a word that somebody chose for an interface or an index; anything that
//! may be an id, a key or a value becomes `?`. `docs/fingerprints.md` has the rules.

use super::sink::Sink;

const UNKNOWN: &[u8] = b"(unknown request)";

/// Methods of RFC 9110, RFC 5789 and the COPY of `CouchDB`.
const METHODS: [&[u8]; 10] = [
    b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"PATCH", b"OPTIONS", b"COPY", b"TRACE", b"CONNECT",
];

/// Segments that an id follows: documents, scroll and search contexts, tasks.
const BEFORE_ID: [&[u8]; 11] = [
    b"_doc",
    b"_create",
    b"_update",
    b"_source",
    b"_explain",
    b"_termvectors",
    b"_scroll",
    b"scroll",
    b"_tasks",
    b"_local",
    b"_async_search",
];

const MOST_SEGMENTS: usize = 12;
const MOST_PARAMETERS: usize = 12;

/// Reads `METHOD target` into `sink`.
pub(super) fn read<S: Sink>(bytes: &[u8], truncated: bool, sink: &mut S) {
    let mut words = bytes.split(|&byte| byte == b' ');
    let method = words.next().unwrap_or_default();
    if !METHODS.contains(&method) {
        return sink.quoted(UNKNOWN, false);
    }
    sink.quoted(method, false);
    let target = words.next().unwrap_or_default();
    // A target that is not followed by the version may have been cut anywhere.
    let cut = truncated && words.next().is_none();
    match path_and_query(target) {
        Some((path, query)) => {
            tell_path(path, cut && query.is_none(), sink);
            if let Some(query) = query {
                tell_query(query, sink);
            }
        }
        None => sink.literal(true),
    }
}

/// The request without its parameters.
pub(super) fn summary(normalised: &str) -> &str {
    // A `?` that stands for a segment follows a slash; the one before parameters does not.
    let query = normalised.match_indices('?').find(|(at, _)| {
        !normalised
            .get(..*at)
            .is_some_and(|before| before.ends_with(['/', ' ']))
    });
    let end = query.map_or(normalised.len(), |(at, _)| at);
    let end = (0..=end.min(super::MAX_SUMMARY))
        .rev()
        .find(|&at| normalised.is_char_boundary(at));
    normalised.get(..end.unwrap_or(0)).unwrap_or_default()
}

/// Splits an origin-form or absolute-form target; a fragment and an authority are left out.
fn path_and_query(target: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let target = match memchr::memmem::find(target, b"://") {
        Some(scheme) if !target.starts_with(b"/") => {
            let rest = target.get(scheme + 3..)?;
            rest.get(memchr::memchr(b'/', rest)?..)?
        }
        _ => target,
    };
    if !target.starts_with(b"/") {
        return None;
    }
    let target = target.split(|&byte| byte == b'#').next()?;
    match memchr::memchr(b'?', target) {
        Some(at) => Some((target.get(..at)?, target.get(at + 1..))),
        None => Some((target, None)),
    }
}

fn tell_path<S: Sink>(path: &[u8], cut: bool, sink: &mut S) {
    let mut spaced = true;
    let mut before: &[u8] = b"";
    let segments = path.split(|&byte| byte == b'/').skip(1);
    let last = segments.clone().count().saturating_sub(1);
    for (place, segment) in segments.enumerate() {
        sink.symbol(b'/', spaced);
        spaced = false;
        let whole = !(cut && place == last);
        if place == MOST_SEGMENTS {
            return sink.literal(false);
        }
        match segment {
            b"" => {}
            _ if whole && is_plain(segment) && !BEFORE_ID.contains(&before) => sink.quoted(segment, false),
            _ => sink.literal(false),
        }
        before = segment;
    }
}

fn tell_query<S: Sink>(query: &[u8], sink: &mut S) {
    let mut separator = b'?';
    for parameter in query.split(|&byte| byte == b'&').take(MOST_PARAMETERS) {
        let (name, value) = match memchr::memchr(b'=', parameter) {
            Some(at) => (parameter.get(..at).unwrap_or_default(), true),
            None => (parameter, false),
        };
        if name.is_empty() {
            continue;
        }
        sink.symbol(separator, false);
        separator = b'&';
        // A name without a value may be a value without a name, or cut.
        if value && is_plain(name) {
            sink.quoted(name, false);
        } else {
            sink.literal(false);
        }
        if value {
            sink.symbol(b'=', false);
            sink.literal(false);
        }
    }
}

/// Whether `segment` is made of words: letters of one case (or capitalised), tied by `_`, `-`, `.` or `,`, each with a
/// vowel now and then; or a version such as `v2`. Digits, escapes, mixed case, hex and long things are no words.
fn is_plain(segment: &[u8]) -> bool {
    const LONGEST: usize = 40;
    is_version(segment)
        || segment == b"*"
        || (segment.len() <= LONGEST
            && segment.iter().any(u8::is_ascii_alphabetic)
            && segment
                .split(|byte| matches!(byte, b'_' | b'-' | b'.' | b','))
                .all(is_word))
}

fn is_version(segment: &[u8]) -> bool {
    matches!(segment, [b'v', digit] if digit.is_ascii_digit())
}

fn is_word(word: &[u8]) -> bool {
    const LONGEST: usize = 16;
    let rest = word.get(1..).unwrap_or_default();
    let one_case = rest.iter().all(u8::is_ascii_lowercase) || word.iter().all(u8::is_ascii_uppercase);
    word.len() <= LONGEST
        && word.iter().all(u8::is_ascii_alphabetic)
        && one_case
        && !(word.len() >= 6 && word.iter().all(u8::is_ascii_hexdigit))
        && longest_consonants(word) <= 5
}

fn longest_consonants(word: &[u8]) -> usize {
    word.split(|byte| b"aeiouyAEIOUY".contains(byte))
        .map(<[u8]>::len)
        .max()
        .unwrap_or(0)
}
