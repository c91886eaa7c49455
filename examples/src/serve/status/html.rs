//! The status for people: a page with the state of now, which fetches the
//! next one every second.

const PAGE: &str = include_str!("page.html");
/// Where the state of now goes.
const PLACE: &str = "null/*now*/";

/// The page with the state `json` in it.
pub(super) fn render(json: &str) -> String {
    // Nothing in it may end the script element.
    PAGE.replacen(PLACE, &json.replace('<', "\\u003c"), 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_cannot_leave_its_script() {
        let page = render(r#"{"uri":"/</script><b>"}"#);
        assert!(page.contains(r#"{"uri":"/\u003c/script>\u003cb>"}"#));
        assert!(!page.contains(PLACE));
    }
}
