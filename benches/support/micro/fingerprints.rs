//! The fingerprinter: the whole lexing of a statement, and how little of it is done for one that comes again.

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use sockhound::exchange::fingerprint;
use sockhound::exchange::statements::Statements;
use sockhound::protocol::Language;

/// A statement of each kind.
#[derive(Clone, Copy, Debug)]
enum Sample {
    Select,
    Insert,
    Join,
    InList,
    Mysql,
    Redis,
    Http,
}

use Sample::{Http, InList, Insert, Join, Mysql, Redis, Select};

const SAMPLES: &[Sample] = &[Select, Insert, Join, InList, Mysql, Redis, Http];

impl Sample {
    const fn language(self) -> Language {
        match self {
            Self::Select | Self::Insert | Self::Join | Self::InList => Language::Postgresql {
                standard_strings: true,
            },
            Self::Mysql => Language::Mysql,
            Self::Redis => Language::Redis,
            Self::Http => Language::Http,
        }
    }

    /// The statement with the `n`th literals; all are of one length.
    fn text(self, n: usize) -> Vec<u8> {
        let n = 100_000 + n % 900_000;
        match self {
            Self::Select => format!("SELECT abalance FROM pgbench_accounts WHERE aid = {n};"),
            Self::Insert => format!(
                "INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES (7, 1, {n}, -3041, CURRENT_TIMESTAMP);"
            ),
            Self::Join => format!(
                "SELECT o.id, o.total, c.name, count(*) AS items FROM orders o JOIN customers c ON c.id = o.customer_id \
                 LEFT JOIN order_items i ON i.order_id = o.id WHERE o.status = 'shipped' AND o.created_at >= '2024-01-01' \
                 AND c.email = 'jane{n}@example.com' GROUP BY o.id, c.name ORDER BY o.total DESC LIMIT 25 OFFSET 50"
            ),
            Self::InList => {
                let list: Vec<String> = (0..100).map(|more| (n + more).to_string()).collect();
                format!("SELECT * FROM items WHERE id IN ({})", list.join(", "))
            }
            Self::Mysql => format!("UPDATE `sbtest1` SET k=k+1, c=\"it's {n}\" WHERE id={n} /* hint */"),
            Self::Redis => format!("*3\r\n$3\r\nSET\r\n$16\r\nkey:000000{n}\r\n$3\r\nxxx\r\n"),
            Self::Http => format!("GET /orders/{n}/items?page=2&size=50&user=jane"),
        }
        .into_bytes()
    }
}

/// The fingerprint alone, which allocates nothing.
#[divan::bench(args = SAMPLES)]
fn hash(bencher: Bencher, sample: Sample) {
    let text = sample.text(0);
    bencher
        .counter(BytesCount::of_slice(&text))
        .bench(|| fingerprint::hash(sample.language(), black_box(&text), false));
}

/// Once for each statement that is new.
#[divan::bench(args = SAMPLES)]
fn normalise(bencher: Bencher, sample: Sample) {
    let text = sample.text(0);
    let mut normalised = String::new();
    bencher.counter(BytesCount::of_slice(&text)).bench_local(|| {
        normalised.clear();
        fingerprint::normalise(sample.language(), black_box(&text), false, &mut normalised);
        black_box(normalised.len())
    });
}

/// A statement whose literals differ each time, as it is found in a watch.
#[divan::bench(args = SAMPLES)]
fn resolve(bencher: Bencher, sample: Sample) {
    let texts: Vec<Vec<u8>> = (0..1000).map(|n| sample.text(n)).collect();
    let mut statements = Statements::new(1000, false);
    bencher.counter(ItemsCount::new(texts.len())).bench_local(|| {
        for text in &texts {
            black_box(statements.resolve(sample.language(), black_box(text), false));
        }
    });
}
