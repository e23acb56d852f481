//! From segments to in-order bytes and gaps: flow table, reassembly, keep-alive recognition, expiry.
