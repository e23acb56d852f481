//! Label values: names come from the wire, so they are cut to a length that a scraper can bear.

/// The most bytes of a label's value.
pub const LONGEST: usize = 255;

/// `text` as a label's value; empty where it is not known.
pub fn label(text: Option<&str>) -> String {
    let text = text.unwrap_or_default();
    text[..text.floor_char_boundary(LONGEST)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_cut_between_letters() {
        assert_eq!(label(Some("shop")), "shop");
        assert_eq!(label(None), "");
        let long = label(Some(&"ä".repeat(200)));
        assert_eq!(long.len(), 254);
    }
}
