//! Names that look alike made alike: spreadsheets, systems and keyboards write the same word in several ways.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

use unicode_normalization::UnicodeNormalization;

/// A name as people see it: accents composed (NFC), single spaces, nothing invisible.
pub fn normal(name: &str) -> String {
    let composed: Vec<char> = name.nfc().collect();
    let seen = |at: usize| {
        let letter = |at: usize| composed.get(at).is_some_and(|&c| c > '\u{590}');
        match composed[at] {
            // Between letters of some scripts these two change what is seen.
            '\u{200c}' | '\u{200d}' => at > 0 && letter(at - 1) && letter(at + 1),
            letter => !is_invisible(letter),
        }
    };
    let visible = (0..composed.len()).filter(|&at| seen(at));
    let visible: String = visible.map(|at| composed[at]).collect();
    let words: Vec<&str> = visible.split_whitespace().collect();
    words.join(" ")
}

fn is_invisible(letter: char) -> bool {
    // Line breaks and tabs end up as spaces.
    (letter.is_control() && !letter.is_whitespace())
        || matches!(letter,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// What a path leads to.
#[derive(Debug, PartialEq)]
pub enum Found {
    /// A file by this path, which may be spelt otherwise than asked.
    File(String),
    /// None, but files of nearly that name.
    Near(Vec<String>),
}

/// Looks for the file that `path` means in `folder`: as it is written; with `\` between folders; in other
/// case or with accents composed otherwise, when only one file is meant.
pub fn find_file(folder: &Path, path: &str) -> Found {
    if folder.join(path).is_file() {
        return Found::File(path.to_owned());
    }
    let slashes = path.replace('\\', "/");
    if folder.join(&slashes).is_file() {
        return Found::File(slashes);
    }
    let key = |name: &str| normal(name).to_lowercase();
    let mut places = vec![PathBuf::new()];
    let components: Vec<Component> = Path::new(&slashes).components().collect();
    for (index, component) in components.iter().enumerate() {
        let wanted = component.as_os_str().to_string_lossy();
        let Component::Normal(_) = component else {
            places.iter_mut().for_each(|place| place.push(component));
            continue;
        };
        let is_last = index + 1 == components.len();
        let mut next = Vec::new();
        for place in &places {
            let exact = place.join(component);
            if !is_last && folder.join(&exact).is_dir() {
                next.push(exact);
                continue;
            }
            let alike = |name: &String| key(name) == key(&wanted);
            next.extend(
                names(&folder.join(place))
                    .filter(alike)
                    .map(|name| place.join(name)),
            );
        }
        if is_last && next.is_empty() {
            // The same recording in another format.
            let stem = |name: &str| {
                Path::new(name)
                    .file_stem()
                    .map(|stem| key(&stem.to_string_lossy()))
            };
            for place in &places {
                let alike = |name: &String| stem(name) == stem(&wanted);
                next.extend(
                    names(&folder.join(place))
                        .filter(alike)
                        .map(|name| place.join(name)),
                );
            }
            return Found::Near(written(next));
        }
        places = next;
    }
    places.retain(|place| folder.join(place).is_file());
    match written(places) {
        mut only if only.len() == 1 => Found::File(only.remove(0)),
        several => Found::Near(several),
    }
}

fn written(places: Vec<PathBuf>) -> Vec<String> {
    let mut written: Vec<String> = (places.iter())
        .map(|place| place.to_string_lossy().replace('\\', "/"))
        .collect();
    written.sort();
    written
}

fn names(folder: &Path) -> impl Iterator<Item = String> {
    let here = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let entries = fs::read_dir(here).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_alike_become_one() {
        for name in [
            "fröhlich",
            "fro\u{308}hlich",
            "fröh\u{200b}lich",
            " fröhlich\u{a0}",
            "fröh\u{ad}lich\u{fe0f}",
        ] {
            assert_eq!(normal(name), "fröhlich", "{name:?}");
        }
        assert_eq!(normal("sehr \t froh"), "sehr froh");
        assert_eq!(normal("\u{feff}\u{200b}"), "");
        // A Persian word is another one without.
        assert_eq!(normal("می\u{200c}خواهم"), "می\u{200c}خواهم");
    }

    #[test]
    fn files_are_found_by_the_name_that_another_system_gives_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("Clips")).unwrap();
        for name in ["Clips/a.wav", "b.flac", "mu\u{308}de.wav", "C.wav", "c.WAV"] {
            fs::write(path(name), b"").unwrap();
        }
        let file = |name: &str| Found::File(name.to_owned());
        let found = |name: &str| find_file(folder.path(), name);
        assert_eq!(found("Clips/a.wav"), file("Clips/a.wav"));
        assert_eq!(found("Clips\\a.wav"), file("Clips/a.wav"));
        assert_eq!(found("clips\\A.WAV"), file("Clips/a.wav"));
        assert_eq!(found("B.FLAC"), file("b.flac"));
        assert_eq!(found("müde.wav"), file("mu\u{308}de.wav"));
        assert_eq!(
            found("c.wav"),
            Found::Near(vec!["C.wav".into(), "c.WAV".into()])
        );
        assert_eq!(found("b.wav"), Found::Near(vec!["b.flac".into()]));
        assert_eq!(found("d.wav"), Found::Near(vec![]));
        assert_eq!(found("../elsewhere/d.wav"), Found::Near(vec![]));
    }
}
