//! Metrics on their way to a format.

use std::borrow::Cow;
use std::rc::Rc;

use crate::clock::Timestamp;
use crate::metrics::Histogram;
use crate::summary::Connections;

/// What kind of metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Never goes down while its row lives. Its name ends in `_total`.
    Counter,
    /// Is what it is now.
    Gauge,
    /// A distribution of seconds.
    Histogram,
}

impl Kind {
    /// The name after `# TYPE`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// One metric of what a row `R` holds.
pub(super) struct Definition<R> {
    /// The whole name, with `_total` where it is a counter.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// The label that tells its samples of one row apart, or nothing.
    pub(super) label: &'static str,
    pub(super) help: &'static str,
    pub(super) draw: Draw<R>,
}

type Draw<R> = for<'a> fn(&'a R, &mut Values<'a>);

impl<R> Definition<R> {
    const fn new(name: &'static str, kind: Kind, help: &'static str, draw: Draw<R>) -> Self {
        Self {
            name,
            kind,
            label: "",
            help,
            draw,
        }
    }

    /// `name` ends in `_total`.
    pub(super) const fn counter(name: &'static str, help: &'static str, draw: Draw<R>) -> Self {
        Self::new(name, Kind::Counter, help, draw)
    }

    pub(super) const fn gauge(name: &'static str, help: &'static str, draw: Draw<R>) -> Self {
        Self::new(name, Kind::Gauge, help, draw)
    }

    pub(super) const fn histogram(name: &'static str, help: &'static str, draw: Draw<R>) -> Self {
        Self::new(name, Kind::Histogram, help, draw)
    }

    /// Its samples of one row are told apart by this label.
    pub(super) const fn by(mut self, label: &'static str) -> Self {
        self.label = label;
        self
    }
}

/// A metric.
pub(super) struct Family<'a> {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) help: &'static str,
    pub(super) samples: Vec<Sample<'a>>,
}

/// Labels of a row, in the order they are written.
pub(super) type Labels<'a> = Vec<(&'static str, Cow<'a, str>)>;

/// What the samples of a row have in common.
#[derive(Default)]
pub(super) struct Origin<'a> {
    pub(super) labels: Labels<'a>,
    /// When its counts began.
    pub(super) since: Option<Timestamp>,
}

/// One value, or one distribution.
pub(super) struct Sample<'a> {
    row: Rc<Origin<'a>>,
    own: Option<(&'static str, Cow<'a, str>)>,
    pub(super) value: Value<'a>,
}

impl<'a> Sample<'a> {
    /// When its count began.
    pub(super) fn since(&self) -> Option<Timestamp> {
        self.row.since
    }

    /// Its labels; those that are empty are as good as absent.
    pub(super) fn labels(&self) -> impl Iterator<Item = (&'static str, &str)> + use<'_, 'a> {
        let all = self.row.labels.iter().chain(&self.own);
        all.map(|(name, value)| (*name, value.as_ref()))
            .filter(|(_, value)| !value.is_empty())
    }
}

/// What a sample says.
#[derive(Clone, Copy)]
pub(super) enum Value<'a> {
    Number(f64),
    /// With the most native buckets.
    Distribution(&'a Histogram, usize),
}

/// What a row says of one metric.
pub(super) struct Values<'a> {
    most_buckets: usize,
    told: Vec<(Cow<'a, str>, Value<'a>)>,
}

impl<'a> Values<'a> {
    pub(super) fn count(&mut self, count: u64) {
        self.number(count as f64);
    }

    pub(super) fn number(&mut self, number: f64) {
        self.labelled("", number);
    }

    /// Absent where it is not known.
    pub(super) fn known(&mut self, number: Option<f64>) {
        if let Some(number) = number {
            self.number(number);
        }
    }

    pub(super) fn labelled(&mut self, label: impl Into<Cow<'a, str>>, number: f64) {
        self.told.push((label.into(), Value::Number(number)));
    }

    /// Open connections by state.
    pub(super) fn states(&mut self, connections: &Connections) {
        self.labelled("in_use", connections.in_use as f64);
        self.labelled("idle", connections.idle as f64);
        self.labelled("idle_in_transaction", connections.idle_in_transaction as f64);
    }

    /// Absent until something is in it.
    pub(super) fn histogram(&mut self, histogram: &'a Histogram) {
        if histogram.count() > 0 {
            self.histogram_from_zero(histogram);
        }
    }

    /// There from the row's beginning.
    pub(super) fn histogram_from_zero(&mut self, histogram: &'a Histogram) {
        let value = Value::Distribution(histogram, self.most_buckets);
        self.told.push((Cow::Borrowed(""), value));
    }
}

/// The families that `definitions` make of `rows`, native histograms with `most_buckets` at most.
pub(super) fn drawn<'a, R>(
    definitions: &'static [Definition<R>],
    rows: &[(Rc<Origin<'a>>, &'a R)],
    most_buckets: usize,
) -> impl Iterator<Item = Family<'a>> {
    definitions.iter().map(move |definition| Family {
        name: definition.name,
        kind: definition.kind,
        help: definition.help,
        samples: rows
            .iter()
            .flat_map(|(origin, row)| samples(definition, origin, row, most_buckets))
            .collect(),
    })
}

fn samples<'a, R>(
    definition: &Definition<R>,
    origin: &Rc<Origin<'a>>,
    row: &'a R,
    most_buckets: usize,
) -> Vec<Sample<'a>> {
    let mut values = Values {
        most_buckets,
        told: Vec::new(),
    };
    (definition.draw)(row, &mut values);
    let told = values.told.into_iter();
    told.map(|(label, value)| Sample {
        row: Rc::clone(origin),
        own: (!label.is_empty()).then_some((definition.label, label)),
        value,
    })
    .collect()
}
