//! Replays what the fuzzer begins with and what it has found, without the fuzzer: see fuzz/README.md.

#![allow(clippy::unwrap_used, missing_docs)]

use std::{fs, path::Path};

#[path = "../../fuzz/src/engine.rs"]
mod engine;
#[path = "../../fuzz/src/model.rs"]
mod model;
#[path = "../../fuzz/src/trainer.rs"]
mod trainer;

fn replay(kind: &str, input: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/seeds")
        .join(kind);
    let mut seeds = 0;
    for seed in fs::read_dir(&folder).unwrap() {
        let seed = seed.unwrap().path();
        // A failure says which by the line before it.
        println!("{}", seed.display());
        let bytes = fs::read(&seed).unwrap();
        input(&bytes);
        for length in [bytes.len() / 2, bytes.len().saturating_sub(1)] {
            input(&bytes[..length]);
        }
        seeds += 1;
    }
    assert!(seeds > 0, "no seeds in {}", folder.display());
}

macro_rules! replays {
    ($($module:ident: $($kind:ident)*;)*) => {
        $($(
            #[test]
            fn $kind() {
                replay(stringify!($kind), $module::$kind);
            }
        )*)*

        #[test]
        fn every_folder_of_seeds_is_replayed() {
            let kinds = [$($(stringify!($kind)),*),*];
            for folder in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds")).unwrap() {
                let name = folder.unwrap().file_name();
                assert!(kinds.iter().any(|kind| name == **kind), "{name:?}");
            }
        }
    };
}

replays! {
    engine: pcm manifest calibration protocol session transcript;
    model: model;
    trainer: audio clip_list archive;
}
