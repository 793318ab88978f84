//! What came out, sample by sample. It is kept in a file, so that rows can be measured one by one.

use std::{collections::BTreeMap, fs, io, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::contender::Contender;

/// What one sample says, by name.
pub type Values = BTreeMap<String, f64>;

/// What is worth knowing of a sample.
pub type Figure = fn(&Values) -> Option<f64>;

/// The samples of a row, by contender, in the order in which they were taken.
pub type Taken = BTreeMap<Contender, Vec<Values>>;

/// All samples.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Samples {
    #[serde(skip)]
    file: PathBuf,
    /// By name.
    pub rows: BTreeMap<String, Taken>,
}

/// The middle one of several figures, and the range.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Spread {
    pub median: f64,
    pub least: f64,
    pub most: f64,
}

impl Samples {
    /// What that file has; nothing if there is none.
    ///
    /// # Errors
    /// The file is not one of these.
    pub fn open(file: PathBuf) -> io::Result<Self> {
        let known = match fs::read_to_string(&file) {
            Ok(text) => serde_json::from_str(&text)?,
            Err(_) => Self::default(),
        };
        Ok(Self { file, ..known })
    }

    /// Takes a row's new samples for its old ones, and writes all down.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn replace(&mut self, row: &str, taken: Taken) -> io::Result<()> {
        self.rows.insert(row.to_owned(), taken);
        let text = serde_json::to_string_pretty(self)?;
        fs::write(&self.file, text + "\n")
    }

    /// A figure of all samples of a contender in a row.
    pub fn spread(
        &self,
        row: &str,
        contender: Contender,
        figure: impl Fn(&Values) -> Option<f64>,
    ) -> Option<Spread> {
        let samples = self.rows.get(row)?.get(&contender)?;
        Spread::of(samples.iter().filter_map(figure).collect())
    }
}

impl Spread {
    fn of(mut figures: Vec<f64>) -> Option<Self> {
        figures.sort_by(f64::total_cmp);
        let (least, most) = (*figures.first()?, *figures.last()?);
        let (low, high) = ((figures.len() - 1) / 2, figures.len() / 2);
        Some(Self {
            median: f64::midpoint(figures[low], figures[high]),
            least,
            most,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one_or_between_the_two_in_the_middle() {
        let median = |figures: &[f64]| Spread::of(figures.to_vec()).map(|spread| spread.median);

        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }
}
