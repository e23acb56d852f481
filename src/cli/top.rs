//! `sockhound top`: watches until told to end, showing what is seen each second.

use std::io::{self, IsTerminal};
use std::time::Duration;

use crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use crossterm::{cursor, execute, terminal};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

use super::exit::{Exit, Failure};
use super::live::{self, Interrupt, Keeper};
use super::options::Options;
use super::plan;
use super::read::finish;
use super::settings::{Mode, Settings};
use crate::capture::Loss;
use crate::clock::{Span, Timestamp};
use crate::daemon::{Inventories, Overload};
use crate::host;
use crate::metrics::operations::Looks;
use crate::profile::Listing;
use crate::report::top::{self, Key, View, Wish};
use crate::summary::Summary;
use crate::watch::Session;
use crate::watch::live::Live;

/// How often what is seen is shown.
const REFRESH: Span = Span::from_secs(1);
/// How often the kernel is asked for its sockets.
const ASK_EVERY: Span = Span::from_secs(5);
/// How long a frame may wait before it is seen.
const BLOCK_TIMEOUT: Duration = Duration::from_millis(10);
/// More statements than anybody looks through cost time at each refresh.
const MOST_STATEMENTS: usize = 1_000;

type Screen = Terminal<CrosstermBackend<io::Stdout>>;

/// Watches until the user ends it, or for as long as `--duration` says.
pub fn run(flags: Options) -> Result<(), Failure> {
    refuse(&flags)?;
    let end = flags
        .duration
        .map_or(Timestamp::MAX, |duration| host::now() + Span::from(duration));
    let settings = &Settings::resolve(flags, Mode::Top)?;
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        return Err(Failure::message(
            Exit::Usage,
            "top draws on a terminal, and standard input and output are not both one",
        )
        .advice("use `sockhound capture` or `sockhound daemon` for a file or a pipe"));
    }
    let mut watch = Watch::open(settings)?;
    let shown = on_screen(|screen| watch.show(screen, end));
    let kept = watch.close(settings);
    shown.and(kept)
}

/// Flags that mean nothing to a view; where environment or file give them, they are meant for other commands.
fn refuse(flags: &Options) -> Result<(), Failure> {
    let given = [
        ("interval", flags.interval.is_some()),
        ("format", flags.format.is_some()),
        ("output", flags.output.is_some()),
        ("connections", flags.connections.is_some()),
        ("listen", flags.listen.is_some()),
        ("otlp", flags.otlp.is_some()),
    ];
    match given.into_iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((option, _)) => Err(Failure::message(
            Exit::Usage,
            format_args!("--{option} means nothing to top, which draws on the terminal only"),
        )
        .advice("use `sockhound capture` for one summary, `sockhound daemon` for one every interval")),
    }
}

/// The watch behind the view.
struct Watch {
    live: Live,
    session: Session,
    overload: Overload,
    keeper: Option<Keeper>,
    inventories: Inventories,
    interrupt: Interrupt,
    asked: Timestamp,
}

impl Watch {
    fn open(settings: &Settings) -> Result<Self, Failure> {
        let mut plan = plan::endless(settings);
        plan.connections = Listing::None;
        plan.max_statements = plan.max_statements.min(MOST_STATEMENTS);
        plan.profile.max_statements = plan.max_statements;
        let source = live::open_with(settings, BLOCK_TIMEOUT, 1)?;
        let mut session = plan::session_of(plan, settings)?;
        let live = Live::start(source, &mut session)?;
        let inventories = Inventories::start(live::collector(settings), Looks::default())?;
        let start = host::now();
        session.watch_from(start);
        inventories.ask();
        Ok(Self {
            live,
            session,
            overload: Overload::default(),
            keeper: Keeper::open(settings)?,
            inventories,
            interrupt: Interrupt::listen()?,
            asked: start,
        })
    }

    /// Draws each second and after each key, until a key, a signal or the time ends it.
    fn show(&mut self, screen: &mut Screen, end: Timestamp) -> Result<(), Failure> {
        let mut view = View::new(self.summary());
        screen.draw(|frame| top::draw(&view, frame))?;
        let mut due = host::now() + REFRESH;
        let mut now = host::now();
        while !self.interrupt.told() && now < end {
            now = live::follow(
                &mut self.live,
                &mut self.session,
                &mut self.keeper,
                Timestamp::MAX,
            )?;
            self.ask_kernel(now);
            if self.overload.look(&mut self.live, &mut self.session).is_some() {
                self.inventories.ask();
            }
            let mut changed = now >= due;
            if changed {
                due = now + REFRESH;
                view.show(self.summary());
            }
            while event::poll(Duration::ZERO)? {
                changed = true;
                match wish(&mut view, &event::read()?) {
                    Wish::None => {}
                    Wish::Reset => self.reset(now, &mut view),
                    Wish::Quit => return Ok(()),
                }
            }
            if changed {
                screen.draw(|frame| top::draw(&view, frame))?;
            }
        }
        Ok(())
    }

    fn ask_kernel(&mut self, now: Timestamp) {
        if now.since(self.asked) >= ASK_EVERY {
            self.asked = now;
            self.inventories.ask();
            self.live.follow();
        }
        if let Some(inventory) = self.inventories.taken() {
            self.session.join(inventory);
        }
    }

    fn summary(&mut self) -> Summary {
        self.session.summary(&live::provenance(&mut self.live))
    }

    fn reset(&mut self, now: Timestamp, view: &mut View) {
        let provenance = live::provenance(&mut self.live);
        self.session.turn(now, &provenance);
        view.show(self.summary());
    }

    /// Completes the files of `--write` and `--exchanges`.
    fn close(mut self, settings: &Settings) -> Result<(), Failure> {
        if let Some(keeper) = self.keeper.take() {
            let dropped = self.live.dropped();
            keeper.finish(Loss { dropped })?;
        }
        finish(&mut self.session, settings)
    }
}

/// What `event` asks for. A terminal that changed its size is drawn on anew.
fn wish(view: &mut View, event: &Event) -> Wish {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => match pressed(key) {
            Pressed::End => Wish::Quit,
            Pressed::Key(key) => view.press(key),
            Pressed::Other => Wish::None,
        },
        _ => Wish::None,
    }
}

enum Pressed {
    Key(Key),
    End,
    Other,
}

fn pressed(key: &KeyEvent) -> Pressed {
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return match key.code {
            KeyCode::Char('c' | 'd') => Pressed::End,
            _ => Pressed::Other,
        };
    }
    Pressed::Key(match key.code {
        KeyCode::Char(typed) => Key::Char(typed),
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Escape,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Tab => Key::Tab,
        KeyCode::BackTab => Key::BackTab,
        KeyCode::Up => Key::Up(1),
        KeyCode::Down => Key::Up(-1),
        KeyCode::PageUp => Key::Up(10),
        KeyCode::PageDown => Key::Up(-10),
        KeyCode::Home => Key::Up(i32::MAX),
        KeyCode::End => Key::Up(-i32::MAX),
        _ => return Pressed::Other,
    })
}

/// Gives the whole terminal to `work`, and gives it back as it was, whatever happens.
fn on_screen(work: impl FnOnce(&mut Screen) -> Result<(), Failure>) -> Result<(), Failure> {
    if anstream::ColorChoice::global() == anstream::ColorChoice::Never {
        crossterm::style::force_color_output(false);
    }
    let told = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        give_back();
        told(panic);
    }));
    let done = take().and_then(|mut screen| work(&mut screen));
    give_back();
    done
}

fn take() -> Result<Screen, Failure> {
    terminal::enable_raw_mode()?;
    execute!(io::stdout(), terminal::EnterAlternateScreen, cursor::Hide)?;
    Ok(Terminal::new(CrosstermBackend::new(io::stdout()))?)
}

/// Where the terminal itself is gone, nothing is left to give back.
fn give_back() {
    let _ = execute!(io::stdout(), cursor::Show, terminal::LeaveAlternateScreen);
    let _ = terminal::disable_raw_mode();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_of_other_commands_are_refused() {
        for (option, value) in [
            ("interval", "1s"),
            ("format", "json"),
            ("output", "a"),
            ("connections", "all"),
            ("listen", "127.0.0.1:1"),
            ("otlp", "http://a"),
        ] {
            let mut flags = Options::default();
            flags.set(option, &[value.to_owned()]).unwrap();
            let failure = refuse(&flags).unwrap_err();
            assert_eq!(failure.exit(), Exit::Usage);
            assert!(
                failure.to_string().contains(&format!("--{option} means nothing")),
                "{failure}"
            );
        }
        let mut flags = Options::default();
        flags.set("duration", &["1s".to_owned()]).unwrap();
        assert!(refuse(&flags).is_ok());
    }
}
