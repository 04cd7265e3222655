//! Replays the vectors that the Python specification generates (`chain/vectors/*.json`): each is a
//! call with its result, and the crates must answer the same to the last bit.

use serde_json::Value;
use std::{fs, path::Path};

#[test]
fn the_crates_answer_every_vector_as_the_specification_does() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors");
    let mut replayed = 0;
    for entry in fs::read_dir(folder).expect("the vectors lie in chain/vectors") {
        let path = entry.expect("a readable folder").path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a readable file");
        let cases: Vec<Value> = serde_json::from_str(&text).expect("a list of calls");
        for (index, case) in cases.into_iter().enumerate() {
            let expected = case["result"].clone();
            let call = serde_json::from_value(case).expect("a call that the runner knows");
            let answered = runner::answer(call).expect("arguments within range");
            assert_eq!(answered, expected, "case {index} of {}", path.display());
            replayed += 1;
        }
    }
    assert!(replayed > 500, "only {replayed} vectors found");
}
