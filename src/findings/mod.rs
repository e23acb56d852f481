//! Plain-language diagnosis out of a summary, one rule a file.
