use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::report::golden;
use crate::summary::{Summary, sample};

fn view() -> View {
    let mut view = View::new(Summary::default());
    view.show(sample::morning());
    view
}

/// What stands on a terminal of this size, without colours.
fn drawn(view: &View, columns: u16, rows: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|frame| draw(view, frame)).unwrap();
    let buffer = terminal.backend().buffer();
    let line = |y| {
        let cells = (0..columns).map(|x| buffer[(x, y)].symbol());
        cells.collect::<String>().trim_end().to_owned() + "\n"
    };
    (0..rows).map(line).collect()
}

#[test]
fn all_panels_fit_a_small_terminal() {
    golden::check("top.80x24.txt", &drawn(&view(), 80, 24));
}

#[test]
fn a_large_terminal_shows_more() {
    golden::check("top.140x50.txt", &drawn(&view(), 140, 50));
}

#[test]
fn findings_alone_are_told_in_full() {
    let mut view = view();
    view.press(Key::Char('1'));
    golden::check("top.findings.txt", &drawn(&view, 80, 24));
}

#[test]
fn nothing_seen_is_said() {
    let view = View::new(sample::nothing());
    golden::check("top.nothing.txt", &drawn(&view, 80, 10));
}

#[test]
fn the_help_fits() {
    let mut view = view();
    view.press(Key::Char('?'));
    golden::check("top.help.txt", &drawn(&view, 80, 24));
    view.press(Key::Escape);
    assert!(!view.help);
}

#[test]
fn any_size_can_be_drawn_on() {
    let mut view = view();
    for step in 0..8 {
        for (columns, rows) in [(1, 1), (19, 5), (20, 6), (33, 7), (50, 200), (200, 6), (400, 30)] {
            drawn(&view, columns, rows);
        }
        view.press([Key::Enter, Key::Tab, Key::Up(-1000), Key::Up(3)][step % 4]);
    }
}

#[test]
fn a_filter_keeps_what_it_names() {
    let mut view = view();
    for key in "/ORDERS".chars() {
        assert_eq!(view.press(Key::Char(key)), Wish::None);
    }
    view.press(Key::Enter);
    let text = drawn(&view, 80, 24);
    assert!(text.contains("SELECT orders order_items"), "{text}");
    assert!(!text.contains("UPDATE stock"), "{text}");
    assert_eq!(view.press(Key::Escape), Wish::None);
    assert!(drawn(&view, 80, 24).contains("UPDATE stock"));
}

#[test]
fn panels_sort_otherwise() {
    let mut view = view();
    for _ in 0..2 {
        view.press(Key::Tab);
    }
    assert_eq!(view.chosen, Panel::Statements);
    view.press(Key::Char('s'));
    assert!(drawn(&view, 80, 24).contains("by count"));
    for _ in 1..Panel::Statements.sorts().len() {
        view.press(Key::Char('s'));
    }
    assert_eq!(view.sort_of(Panel::Statements), "total time");
}

#[test]
fn paused_it_stands_still() {
    let mut view = view();
    view.press(Key::Char(' '));
    view.show(Summary::default());
    let text = drawn(&view, 80, 24);
    assert!(text.contains("PAUSED") && text.contains("shop.service"), "{text}");
    view.press(Key::Char('p'));
    view.show(Summary::default());
    assert!(!drawn(&view, 80, 24).contains("shop.service"));
}

#[test]
fn keys_end_it_or_begin_anew() {
    let mut view = view();
    assert_eq!(view.press(Key::Char('r')), Wish::Reset);
    view.press(Key::Char('3'));
    assert_eq!(view.press(Key::Escape), Wish::None, "back to all panels");
    assert_eq!(view.press(Key::Escape), Wish::Quit);
    assert_eq!(view.press(Key::Char('q')), Wish::Quit);
}

#[test]
fn rates_are_of_the_last_moment() {
    let mut view = view();
    let mut later = sample::morning();
    later.end = later.end + crate::clock::Span::from_secs(2);
    later.source.packets += 3_000;
    later.services[0].exchanges.requests += 10;
    view.show(later.clone());
    assert_eq!(rates::written(view.rates.packets), "1,500");
    assert_eq!(rates::written(view.rates.of(later.services[0].server)), "5.0");
}

#[test]
fn rows_are_shared_out() {
    assert_eq!(shares([3, 2, 0, 4], 100), [3, 2, 0, 4]);
    assert_eq!(shares([9, 2, 0, 9], 8), [3, 2, 0, 3]);
    assert_eq!(shares([0, 0], 8), [0, 0]);
}
