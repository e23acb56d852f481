use super::*;
use crate::profile::script::exchange;

#[test]
fn each_kind_is_counted_once() {
    let mut counts = Counts::default();
    let add = |counts: &mut Counts, one: &Exchange| {
        counts.add(one, Timing::of(one, [Span::ZERO; 2], 1).as_ref());
    };
    add(&mut counts, &exchange(0, 1, 2, 3));
    add(
        &mut counts,
        &Exchange {
            validation: true,
            ..exchange(0, 1, 2, 3)
        },
    );
    add(
        &mut counts,
        &Exchange {
            reply: None,
            outcome: Ending::Unanswered,
            ..exchange(0, 1, 2, 3)
        },
    );
    add(
        &mut counts,
        &Exchange {
            doubt: Some(Doubt::Unmatched),
            reply: None,
            ..exchange(0, 1, 2, 3)
        },
    );
    add(
        &mut counts,
        &Exchange {
            outcome: Ending::Error(ErrorCode::new(b"42P01")),
            ..exchange(0, 1, 2, 3)
        },
    );
    let all = counts.all;
    assert_eq!((all.requests, all.replies, all.errors), (4, 3, 1));
    assert_eq!((all.unanswered, all.validations, all.doubtful), (1, 1, 1));
}

#[test]
fn two_small_parts_40_ms_apart_are_a_delayed_acknowledgment() {
    let ms = 1_000_000;
    let of = |one: Exchange, bytes| Exchange {
        request_bytes: bytes,
        reply_bytes: bytes,
        ..one
    };
    let (request, reply) = (
        exchange(0, 41 * ms, 42 * ms, 42 * ms),
        exchange(0, 0, ms, 45 * ms),
    );
    let delayed = |one: &Exchange| is_delayed(one, &Timing::of(one, [Span::ZERO; 2], 1).unwrap());
    assert!(delayed(&of(request, 40)) && delayed(&of(reply, 2000)));
    assert!(
        !delayed(&of(request, 40_000)) && !delayed(&of(reply, 3000)),
        "a stream"
    );
    assert!(!delayed(&of(exchange(0, 30 * ms, 41 * ms, 60 * ms), 40)));
}

#[test]
fn legs_add_up_to_the_duration() {
    let mut legs = Legs::default();
    let one = exchange(0, 10, 110, 130);
    let closed = [Span::from_nanos(15), Span::from_nanos(99)];
    legs.add(&Timing::of(&one, closed, 1).unwrap());
    let time = legs.summarise(Some(Span::from_nanos(30)));
    let sum: f64 = [
        time.request_seconds,
        time.network_seconds,
        time.server_seconds,
        time.reply_seconds,
        time.window_closed_seconds,
    ]
    .into_iter()
    .flatten()
    .sum();
    assert!((sum - one.duration().unwrap().seconds()).abs() < 1e-15);
    assert_eq!(time.server_seconds, Some(7e-8));
    assert_eq!(
        (time.request_seconds, time.reply_seconds),
        (Some(0.0), Some(5e-9))
    );
    assert_eq!(
        time.window_closed_seconds,
        Some(25e-9),
        "no more than there was to hold up"
    );
    let all = legs.summarise(Some(Span::from_secs(1)));
    assert_eq!(
        all.server_seconds,
        Some(0.0),
        "the network has no more than there is"
    );
}

#[test]
fn servers_and_codes_are_bounded() {
    let mut services = Services::within(Services::MOST);
    let address = "10.0.0.1".parse().unwrap();
    for port in 0..=u16::MAX {
        services.id(Endpoint::new(address, port), System::Unknown);
    }
    assert_eq!(services.iter().count(), Services::MOST);
    let mut codes = Codes::default();
    (0..100).for_each(|n| codes.add(ErrorCode::from_number(n)));
    codes.add(ErrorCode::from_number(7));
    let told = codes.summarise();
    assert_eq!((told.len(), codes.count()), (CODES + 1, 101));
    assert_eq!((told.get("7"), told.get("")), (Some(&2), Some(&84)));
}
