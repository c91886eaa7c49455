//! PHP values as JSON and back.

mod buffer;
mod show;

use serde::de::DeserializeSeed;
use session_store::{Document, Graph, NodeId, NodeSeed};

use super::Failure;

/// The variables of a session as one JSON object, in their order.
pub(super) fn render(document: &Document) -> Result<String, Failure> {
    show::session(document)
        .map_err(|excess| Failure::Data(format!("the session cannot be shown: {excess}")))
}

/// Makes a value from JSON: objects become arrays with string keys.
pub(super) fn parse(graph: &mut Graph, json: &str) -> Result<NodeId, Failure> {
    let mut reader = serde_json::Deserializer::from_str(json);
    let value = NodeSeed::new(graph).deserialize(&mut reader);
    value
        .and_then(|value| reader.end().map(|()| value))
        .map_err(|error| Failure::Usage(format!("the value is not JSON: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_goes_in_and_comes_out_in_order() {
        let mut document = Document::new();
        let json = r#"{"z":[1,-2.5,"x",null,true],"a":{"5":1,"k":[]}}"#;
        let value = parse(document.graph_mut(), json).unwrap();
        document.set("v", value);
        let text = render(&document).unwrap();
        let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        assert_eq!(compact, format!(r#"{{"v":{json}}}"#));
    }

    #[test]
    fn rubbish_behind_the_value_is_refused() {
        let mut document = Document::new();
        assert!(parse(document.graph_mut(), "1 2").is_err());
        assert!(parse(document.graph_mut(), "{").is_err());
    }
}
