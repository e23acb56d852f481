//! What a request's target tells: liveness checks, long polls, the database.

/// Whether a request only asks if the server lives: `/ping` (InfluxDB, ClickHouse), or a HEAD of the root (Elasticsearch).
pub fn is_ping(method: &[u8], target: &[u8]) -> bool {
    let path = split(target).0;
    match method {
        b"HEAD" => path == b"/" || path == b"/ping",
        b"GET" => path == b"/ping",
        _ => false,
    }
}

/// Whether a request waits by design: `feed=longpoll` and its kin (CouchDB), `index=` with `wait=` (Consul), `wait=true`
/// (etcd), `watch=true` (Kubernetes).
pub fn waits(target: &[u8]) -> bool {
    let has =
        |name: &[u8], values: &[&[u8]]| value(target, name).is_some_and(|value| values.contains(&value));
    if split(target).1.is_empty() {
        return false;
    }
    has(b"feed", &[b"longpoll", b"continuous", b"eventsource"])
        || has(b"wait", &[b"true"])
        || has(b"watch", &[b"true", b"1"])
        || (value(target, b"wait").is_some() && value(target, b"index").is_some())
}

/// The database that a query names: `db=` (InfluxDB), `database=` (ClickHouse, at the root).
pub fn database(target: &[u8]) -> Option<&[u8]> {
    let name = match split(target).0 {
        b"/query" | b"/write" => value(target, b"db"),
        b"/" => value(target, b"database"),
        _ => None,
    }?;
    let plain = !name.is_empty() && !name.iter().any(|byte| matches!(byte, b'%' | b'+'));
    plain.then_some(name)
}

fn split(target: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b'?', target) {
        Some(at) => (&target[..at], &target[at + 1..]),
        None => (target, &[]),
    }
}

/// The value of a query's parameter.
fn value<'a>(target: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    split(target)
        .1
        .split(|&byte| byte == b'&')
        .find_map(|parameter| parameter.strip_prefix(name)?.strip_prefix(b"="))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn liveness_checks() {
        assert!(is_ping(b"GET", b"/ping?verbose=true") && is_ping(b"HEAD", b"/"));
        assert!(!is_ping(b"GET", b"/") && !is_ping(b"GET", b"/pings") && !is_ping(b"POST", b"/ping"));
    }

    #[test]
    fn long_polls() {
        for yes in [
            "/db/_changes?since=1&feed=longpoll",
            "/v1/kv/x?index=5&wait=10s",
            "/v2/keys/x?wait=true",
        ] {
            assert!(waits(yes.as_bytes()), "{yes}");
        }
        for no in [
            "/db/_changes",
            "/db/_changes?feed=normal",
            "/x?wait=10s",
            "/feed=longpoll",
            "/x?refeed=longpoll",
        ] {
            assert!(!waits(no.as_bytes()), "{no}");
        }
    }

    #[test]
    fn databases() {
        assert_eq!(database(b"/query?q=SELECT&db=metrics"), Some(&b"metrics"[..]));
        assert_eq!(database(b"/?database=logs"), Some(&b"logs"[..]));
        for no in ["/query?db=", "/query?db=a%20b", "/other?db=x", "/query"] {
            assert_eq!(database(no.as_bytes()), None, "{no}");
        }
    }
}
