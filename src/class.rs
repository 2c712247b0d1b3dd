//! Classes as data: a model's classes are listed in its model.json; no emotion is hard-coded here.
//!
//! A [`Class`] is a position in the model's [`Labels`]; [`PerClass`] holds a number for each. Both
//! are small and of fixed size, so that the live loop never allocates memory for them.

use std::ops::{Deref, DerefMut};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Fewest classes of a model.
pub const MIN_CLASSES: usize = 2;
/// Most classes of a model.
pub const MAX_CLASSES: usize = 32;
/// Longest label, in characters: as much as a phone shows in one line of the list.
const MAX_LABEL_CHARS: usize = 40;
/// Said where there is no class; a class of that name could not be distinguished from it.
const RESERVED: [&str; 3] = ["unsure", "not sure", "no speech"];
/// The label of speech without emotion, which an unlabelled reading is taken to express.
const NEUTRAL: &str = "neutral";

/// A class by its position in the model's labels, below [`MAX_CLASSES`]; the first unless told otherwise.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(try_from = "u8", into = "u8")]
pub struct Class(u8);

impl Class {
    /// The class at a position; none from [`MAX_CLASSES`] upwards.
    pub const fn new(index: usize) -> Option<Self> {
        if index < MAX_CLASSES {
            Some(Self(index as u8))
        } else {
            None
        }
    }

    /// Its position.
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The first `count` classes, at most [`MAX_CLASSES`].
    pub fn first(count: usize) -> impl DoubleEndedIterator<Item = Self> + Clone {
        (0..count.min(MAX_CLASSES) as u8).map(Self)
    }
}

impl TryFrom<u8> for Class {
    type Error = String;

    fn try_from(index: u8) -> Result<Self, Self::Error> {
        Self::new(usize::from(index))
            .ok_or_else(|| format!("class is {index}, expected less than {MAX_CLASSES}"))
    }
}

impl From<Class> for u8 {
    fn from(class: Class) -> Self {
        class.0
    }
}

/// A number for each class, `[K]` in the order of the labels, K at most [`MAX_CLASSES`].
#[derive(Clone, Copy, PartialEq)]
pub struct PerClass {
    count: u8,
    /// 0 from position `count` on.
    values: [f32; MAX_CLASSES],
}

impl PerClass {
    /// Calls `value` for each position of `count` classes, at most [`MAX_CLASSES`].
    pub fn from_fn(count: usize, mut value: impl FnMut(usize) -> f32) -> Self {
        let count = count.min(MAX_CLASSES);
        let mut values = [0.0; MAX_CLASSES];
        for (index, slot) in values.iter_mut().enumerate().take(count) {
            *slot = value(index);
        }
        Self {
            count: count as u8,
            values,
        }
    }

    /// Takes these numbers; none if there are more than [`MAX_CLASSES`].
    pub fn of(numbers: &[f32]) -> Option<Self> {
        (numbers.len() <= MAX_CLASSES).then(|| Self::from_fn(numbers.len(), |i| numbers[i]))
    }

    /// Applies `change` to each number.
    pub fn map(&self, mut change: impl FnMut(f32) -> f32) -> Self {
        let mut changed = *self;
        changed.iter_mut().for_each(|value| *value = change(*value));
        changed
    }
}

impl<const K: usize> From<[f32; K]> for PerClass {
    fn from(numbers: [f32; K]) -> Self {
        const { assert!(K <= MAX_CLASSES) };
        Self::from_fn(K, |i| numbers[i])
    }
}

impl Deref for PerClass {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // Never too long; the check keeps the code for a panic out of the page.
        self.values
            .get(..usize::from(self.count))
            .unwrap_or(&self.values)
    }
}

impl DerefMut for PerClass {
    fn deref_mut(&mut self) -> &mut [f32] {
        match self.values.get_mut(..usize::from(self.count)) {
            Some(values) => values,
            None => &mut [],
        }
    }
}

impl std::fmt::Debug for PerClass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        (**self).fmt(f)
    }
}

impl Serialize for PerClass {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PerClass {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let numbers = Vec::<f32>::deserialize(deserializer)?;
        Self::of(&numbers).ok_or_else(|| {
            let expected = format!("at most {MAX_CLASSES} numbers");
            serde::de::Error::invalid_length(numbers.len(), &expected.as_str())
        })
    }
}

/// The names of a model's classes, in the order of its logits: [`MIN_CLASSES`] to [`MAX_CLASSES`],
/// all different.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Labels(Vec<String>);

/// Why names cannot be labels.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
#[non_exhaustive]
pub enum LabelsError {
    #[error("labels are {found}, expected {MIN_CLASSES} to {MAX_CLASSES}")]
    Count { found: usize },
    #[error("labels hold an empty name, expected at least one letter")]
    Empty,
    #[error("labels hold {0:?} twice, expected every name once")]
    Twice(String),
    #[error(
        "labels hold {0:?}, expected at most {MAX_LABEL_CHARS} characters without line breaks and \
         without space around them"
    )]
    Unprintable(String),
    #[error("labels hold {0:?}, expected another name: it is the answer when there is none")]
    Reserved(String),
}

impl Labels {
    /// Checks these names and takes them.
    ///
    /// # Errors
    /// When there are too few or too many, or one is empty, too long, reserved or repeated.
    pub fn new(names: Vec<String>) -> Result<Self, LabelsError> {
        for (index, name) in names.iter().enumerate() {
            Self::check_name(name)?;
            if names[..index].contains(name) {
                return Err(LabelsError::Twice(name.clone()));
            }
        }
        if (MIN_CLASSES..=MAX_CLASSES).contains(&names.len()) {
            Ok(Self(names))
        } else {
            Err(LabelsError::Count { found: names.len() })
        }
    }

    /// Checks one name by itself.
    ///
    /// # Errors
    /// When it is empty, too long, or reserved.
    pub fn check_name(name: &str) -> Result<(), LabelsError> {
        if name.is_empty() {
            Err(LabelsError::Empty)
        } else if name.trim() != name
            || name.chars().count() > MAX_LABEL_CHARS
            || name.chars().any(char::is_control)
        {
            Err(LabelsError::Unprintable(name.to_owned()))
        } else if RESERVED
            .iter()
            .any(|reserved| reserved.eq_ignore_ascii_case(name))
        {
            Err(LabelsError::Reserved(name.to_owned()))
        } else {
            Ok(())
        }
    }

    /// Number of classes, K.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The label of a class; empty for one that the model does not have.
    pub fn name(&self, class: Class) -> &str {
        self.0.get(class.index()).map_or("", String::as_str)
    }

    /// The class with this label.
    pub fn class(&self, name: &str) -> Option<Class> {
        Class::new(self.0.iter().position(|label| label == name)?)
    }

    /// The class of speech without emotion: the one labelled "neutral", if there is one.
    pub fn neutral(&self) -> Option<Class> {
        self.class(NEUTRAL)
    }

    /// All classes, in order.
    pub fn classes(&self) -> impl DoubleEndedIterator<Item = Class> + Clone + use<> {
        Class::first(self.len())
    }

    /// All names, in order.
    pub fn names(&self) -> &[String] {
        &self.0
    }
}

impl TryFrom<Vec<String>> for Labels {
    type Error = LabelsError;

    fn try_from(names: Vec<String>) -> Result<Self, LabelsError> {
        Self::new(names)
    }
}

impl From<Labels> for Vec<String> {
    fn from(labels: Labels) -> Self {
        labels.0
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// For the shipped model.
    pub(crate) const NEUTRAL: Class = Class(0);
    pub(crate) const CALM: Class = Class(1);
    pub(crate) const HAPPY: Class = Class(2);
    pub(crate) const SAD: Class = Class(3);
    pub(crate) const ANGRY: Class = Class(4);

    pub(crate) fn labels(names: &[&str]) -> Labels {
        Labels::new(names.iter().map(|&name| name.to_owned()).collect()).unwrap()
    }

    #[test]
    fn names_and_classes_lead_back_to_each_other() {
        let labels = labels(&["bored", "neutral", "très content"]);
        assert_eq!(labels.classes().count(), 3);
        for class in labels.classes() {
            assert_eq!(labels.class(labels.name(class)), Some(class));
        }
        assert_eq!(labels.neutral(), Class::new(1));
        assert_eq!(labels.class("Bored"), None);
        assert_eq!(labels.name(Class(3)), "");
        assert_eq!(Class::new(MAX_CLASSES), None);
    }

    #[test]
    fn names_that_cannot_be_labels_are_refused_with_the_reason() {
        let refused = |names: &[&str]| {
            let names = names.iter().map(|&name| name.to_owned()).collect();
            Labels::new(names).unwrap_err().to_string()
        };
        assert_eq!(refused(&["a"]), "labels are 1, expected 2 to 32");
        let many: Vec<String> = (0..33).map(|n| n.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(refused(&many), "labels are 33, expected 2 to 32");
        assert!(refused(&["a", "b", "a"]).contains("\"a\" twice"));
        assert!(refused(&["a", ""]).contains("empty"));
        assert!(refused(&["a", " b"]).contains("space around"));
        assert!(refused(&["a", &"b".repeat(41)]).contains("at most 40"));
        assert!(refused(&["a", "unsure"]).contains("answer when there is none"));
        let json = serde_json::from_str::<Labels>("[\"a\"]").unwrap_err();
        assert!(json.to_string().contains("labels are 1"), "{json}");
    }

    #[test]
    fn numbers_per_class_are_written_and_read_as_a_list() {
        let numbers = PerClass::from([1.0, 0.5, -2.0]);
        assert_eq!(numbers.len(), 3);
        let json = serde_json::to_string(&numbers).unwrap();
        assert_eq!(json, "[1.0,0.5,-2.0]");
        assert_eq!(serde_json::from_str::<PerClass>(&json).unwrap(), numbers);
        let many = format!("{:?}", [0.0; MAX_CLASSES + 1]);
        let error = serde_json::from_str::<PerClass>(&many).unwrap_err();
        assert!(error.to_string().contains("at most 32"), "{error}");
        assert!(serde_json::from_str::<Class>("32").is_err());
        assert!(PerClass::of(&[0.0; MAX_CLASSES + 1]).is_none());
    }
}
