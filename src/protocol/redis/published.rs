//! What the server says by itself: confirmations of subscriptions, published messages, MONITOR's lines.
//! (<https://redis.io/docs/latest/develop/pubsub/>, <https://redis.io/docs/latest/commands/monitor/>)

use super::command::Topic;
use super::resp::{self, Fault};

/// What an array or a push is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// A subscription begun (true) or ended.
    Confirmation(Topic, bool),
    /// A message to subscribers.
    Message(Topic),
    /// Neither.
    Other,
}

/// Looks at the name that begins an array or a push.
pub fn published(bytes: &[u8]) -> Result<Published, Fault> {
    let outer = resp::header(bytes)?;
    if !(3..=4).contains(&outer.value) {
        return Ok(Published::Other);
    }
    let inside = &bytes[outer.size..];
    match inside.first() {
        Some(b'$') => {}
        Some(_) => return Ok(Published::Other),
        None => return Err(Fault::Short),
    }
    let inner = resp::header(inside)?;
    if !(7..=12).contains(&inner.value) {
        return Ok(Published::Other);
    }
    let name = inside.get(inner.size..inner.size + inner.length());
    Ok(named(name.ok_or(Fault::Short)?, outer.value))
}

fn named(name: &[u8], count: i64) -> Published {
    match (name, count) {
        (b"message", 3) => Published::Message(Topic::Channel),
        (b"pmessage", 4) => Published::Message(Topic::Pattern),
        (b"smessage", 3) => Published::Message(Topic::Shard),
        (b"subscribe", 3) => Published::Confirmation(Topic::Channel, true),
        (b"psubscribe", 3) => Published::Confirmation(Topic::Pattern, true),
        (b"ssubscribe", 3) => Published::Confirmation(Topic::Shard, true),
        (b"unsubscribe", 3) => Published::Confirmation(Topic::Channel, false),
        (b"punsubscribe", 3) => Published::Confirmation(Topic::Pattern, false),
        (b"sunsubscribe", 3) => Published::Confirmation(Topic::Shard, false),
        _ => Published::Other,
    }
}

/// Whether a status line is MONITOR's: `+1339518083.107412 [0 127.0.0.1:60866] "keys" "*"`.
pub fn is_monitor_line(bytes: &[u8]) -> Result<bool, Fault> {
    let digits = |bytes: &[u8]| bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let seconds = 1 + digits(&bytes[1..]);
    let micros = match bytes.get(seconds) {
        Some(b'.') if seconds > 1 => seconds + 1 + digits(&bytes[seconds + 1..]),
        Some(_) => return Ok(false),
        None => {
            return if seconds < 32 {
                Err(Fault::Short)
            } else {
                Ok(false)
            };
        }
    };
    match bytes.get(micros..) {
        Some([b' ', b'[', ..]) => Ok(true),
        Some([] | [b' ']) if micros < 64 => Err(Fault::Short),
        _ => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_confirmations_from_messages_and_data() {
        let say = |bytes: &[u8]| published(bytes);
        assert_eq!(
            say(b"*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n"),
            Ok(Published::Confirmation(Topic::Channel, true))
        );
        assert_eq!(
            say(b">4\r\n$8\r\npmessage\r\n"),
            Ok(Published::Message(Topic::Pattern))
        );
        assert_eq!(say(b"*4\r\n$7\r\nmessage\r\n"), Ok(Published::Other));
        assert_eq!(say(b"*2\r\n$4\r\npong\r\n"), Ok(Published::Other));
        assert_eq!(say(b"*3\r\n:1\r\n"), Ok(Published::Other));
        assert_eq!(say(b"*3\r\n$7\r\nmess"), Err(Fault::Short));
        assert_eq!(say(b"*3\r\n"), Err(Fault::Short));
    }

    #[test]
    fn tells_monitor_lines_from_replies() {
        assert_eq!(
            is_monitor_line(b"+1339518083.107412 [0 127.0.0.1:60866] \"keys\"\r\n"),
            Ok(true)
        );
        assert_eq!(is_monitor_line(b"+OK\r\n"), Ok(false));
        assert_eq!(is_monitor_line(b"+12\r\n"), Ok(false));
        assert_eq!(is_monitor_line(b"+1339518083.10"), Err(Fault::Short));
        assert_eq!(is_monitor_line(b"+1339518083.107412 "), Err(Fault::Short));
    }
}
