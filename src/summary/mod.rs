//! The public model of a summary: what the JSON says, with its schema; merging and comparing.
