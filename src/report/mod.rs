//! Ways to show a summary: text, JSON and more. Each draws the same model.
