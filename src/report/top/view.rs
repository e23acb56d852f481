//! What is looked at, and how: the latest summary, and what keys have chosen.

use super::panel::Panel;
use super::rates::Rates;
use crate::summary::Summary;

/// A key that means something here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// A printable character.
    Char(char),
    /// Enter.
    Enter,
    /// Escape.
    Escape,
    /// Backspace.
    Backspace,
    /// Tab.
    Tab,
    /// Shift and Tab.
    BackTab,
    /// Up by so many lines; down where negative.
    Up(i32),
}

/// What a key asks of the watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Nothing but to be drawn again.
    None,
    /// To begin all counts anew.
    Reset,
    /// To end.
    Quit,
}

/// The view's state.
#[derive(Debug)]
pub struct View {
    pub(super) summary: Summary,
    pub(super) rates: Rates,
    /// The panel that keys act on.
    pub(super) chosen: Panel,
    /// Whether it is shown alone.
    pub(super) alone: bool,
    pub(super) paused: bool,
    pub(super) help: bool,
    pub(super) filter: String,
    /// Whether keys are typed into the filter.
    pub(super) typing: bool,
    sorts: [usize; Panel::ALL.len()],
    scroll: usize,
}

impl View {
    /// Nothing seen yet: `summary` says what is watched.
    #[must_use]
    pub fn new(summary: Summary) -> Self {
        Self {
            summary,
            rates: Rates::default(),
            chosen: Panel::Pools,
            alone: false,
            paused: false,
            help: false,
            filter: String::new(),
            typing: false,
            sorts: [0; Panel::ALL.len()],
            scroll: 0,
        }
    }

    /// Shows `summary` from now on, unless paused.
    pub fn show(&mut self, summary: Summary) {
        if !self.paused {
            self.rates = Rates::between(&self.summary, &summary);
            self.summary = summary;
        }
    }

    /// Takes a key.
    pub fn press(&mut self, key: Key) -> Wish {
        if self.typing {
            self.edit(key);
            return Wish::None;
        }
        match key {
            Key::Char('q') => return Wish::Quit,
            Key::Char('r') => return Wish::Reset,
            Key::Escape => return self.back(),
            Key::Char(' ' | 'p') => self.paused = !self.paused,
            Key::Char('?' | 'h') => self.help = !self.help,
            Key::Char('/') => self.typing = true,
            Key::Char('s') => self.sort_otherwise(),
            Key::Char(digit @ '1'..='5') => self.look_at(digit),
            Key::Enter => self.alone = !self.alone,
            Key::Tab => self.choose(self.chosen.next()),
            Key::BackTab => self.choose(self.chosen.previous()),
            Key::Up(lines) => self.scroll_up(lines),
            Key::Char('k') => self.scroll_up(1),
            Key::Char('j') => self.scroll_up(-1),
            Key::Char(_) | Key::Backspace => {}
        }
        Wish::None
    }

    /// What `panel` is sorted by.
    pub(super) fn sort_of(&self, panel: Panel) -> &'static str {
        let chosen = self.sorts.get(panel as usize).copied().unwrap_or(0);
        panel.sorts().get(chosen).copied().unwrap_or_default()
    }

    /// Lines of `panel` that are above what is shown.
    pub(super) fn scroll_of(&self, panel: Panel) -> usize {
        if panel == self.chosen { self.scroll } else { 0 }
    }

    /// Whether a line with this text is shown.
    pub(super) fn lets_through(&self, text: &str) -> bool {
        self.filter.is_empty() || self.filters_for(text)
    }

    /// Whether this text is what the filter looks for.
    pub(super) fn filters_for(&self, text: &str) -> bool {
        !self.filter.is_empty() && text.to_lowercase().contains(&self.filter.to_lowercase())
    }

    fn edit(&mut self, key: Key) {
        match key {
            Key::Char(typed) => self.filter.push(typed),
            Key::Backspace => {
                self.filter.pop();
            }
            Key::Enter => self.typing = false,
            Key::Escape => {
                self.filter.clear();
                self.typing = false;
            }
            _ => {}
        }
        self.scroll = 0;
    }

    /// Out of what was gone into last; out of the view where that is all.
    fn back(&mut self) -> Wish {
        if self.help {
            self.help = false;
        } else if !self.filter.is_empty() {
            self.filter.clear();
        } else if self.alone {
            self.alone = false;
        } else {
            return Wish::Quit;
        }
        Wish::None
    }

    fn sort_otherwise(&mut self) {
        if let Some(sort) = self.sorts.get_mut(self.chosen as usize) {
            *sort = (*sort + 1) % self.chosen.sorts().len();
        }
        self.scroll = 0;
    }

    /// The panel of a digit alone; all of them where it is already.
    fn look_at(&mut self, digit: char) {
        let index = digit.to_digit(10).unwrap_or(1) as usize - 1;
        let Some(&panel) = Panel::ALL.get(index) else {
            return;
        };
        self.alone = !(self.alone && panel == self.chosen);
        self.choose(panel);
    }

    fn choose(&mut self, panel: Panel) {
        self.chosen = panel;
        self.scroll = 0;
    }

    fn scroll_up(&mut self, lines: i32) {
        let most = self.lines_of_chosen().saturating_sub(1);
        self.scroll = self.scroll.saturating_add_signed(-(lines as isize)).min(most);
    }

    fn lines_of_chosen(&self) -> usize {
        let Summary {
            services,
            pools,
            hoarded,
            statements,
            findings,
            ..
        } = &self.summary;
        match self.chosen {
            // Each has several lines.
            Panel::Findings => findings.len() * 8,
            Panel::Services => services.len(),
            Panel::Pools => pools.len(),
            Panel::Hoarded => hoarded.len(),
            Panel::Statements => statements.len(),
        }
    }
}
