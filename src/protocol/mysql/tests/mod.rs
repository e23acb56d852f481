//! Whole conversations: recorded ones, and hand-made ones for what no server at hand sends.

mod any_order;
mod drive;
mod late;
mod recorded;
mod replies;
mod requests;
mod wrapped;

use drive::Drive;

/// Protocol 4.1, secure connection, plugins, attributes, a database.
const CLIENT: u32 = 1 << 9 | 1 << 15 | 1 << 19 | 1 << 20 | 1 << 3;
/// The same, and transactions.
const SERVER: u32 = CLIENT | 1 << 13 | 1;

fn packet(sequence: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u32).to_le_bytes().to_vec();
    bytes[3] = sequence;
    bytes.extend_from_slice(payload);
    bytes
}

fn ok(sequence: u8, status: u8) -> Vec<u8> {
    packet(sequence, &[0, 0, 0, status, 0, 0, 0])
}

fn eof(sequence: u8, status: u8) -> Vec<u8> {
    packet(sequence, &[0xfe, 0, 0, status, 0])
}

/// A result set with EOF packets or, as `CLIENT_DEPRECATE_EOF` has it, one OK packet at the end.
fn result_set(eofs: bool, columns: u8, rows: &[&[u8]], status: u8) -> Vec<u8> {
    let mut bytes = packet(1, &[columns]);
    let mut sequence = 1_u8;
    let mut next = || {
        sequence = sequence.wrapping_add(1);
        sequence
    };
    for _ in 0..columns {
        bytes.extend(packet(
            next(),
            b"\x03def\x04shop\x01t\x01t\x02id\x02id\x0c\x3f\0\x0b\0\0\0\x03\0\0\0\0\0",
        ));
    }
    if eofs {
        bytes.extend(eof(next(), status));
    }
    for row in rows {
        bytes.extend(packet(next(), row));
    }
    bytes.extend(if eofs {
        eof(next(), status)
    } else {
        packet(next(), &[0xfe, 0, 0, status, 0, 0, 0])
    });
    bytes
}

fn greeting(version: &[u8], capabilities: u32) -> Vec<u8> {
    let [a, b, c, d] = capabilities.to_le_bytes();
    let parts = [
        b"\x0a",
        version,
        b"\0\x07\0\0\0saltsalt\0",
        &[a, b, 0x21, 2, 0, c, d, 21],
        &[0; 10],
        b"saltsaltsalt\0native\0",
    ];
    packet(0, &parts.concat())
}

fn response(capabilities: u32) -> Vec<u8> {
    let parts = [
        &capabilities.to_le_bytes()[..],
        &[0, 0, 0, 1, 0x21],
        &[0; 23],
        b"joe\0\x06secretshop\0native\0",
        b"\x2d\x0c_client_name\x08libmysql\x0cprogram_name\x06orders",
        b"",
    ];
    packet(1, &parts.concat())
}

/// A connection after its login, which took three pieces and told five things.
fn logged_in(server: u32, client: u32) -> Drive {
    let mut drive = Drive::new();
    drive
        .server(&greeting(b"11.4.2-MariaDB", server))
        .client(&response(client));
    drive.server(&ok(2, 2));
    drive
}
