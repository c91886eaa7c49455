//! Medians, quantiles and the spread of repeated measurements.

/// The middle of some repeated measurements, with their extremes.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Spread {
    /// The smallest.
    pub min: f64,
    /// The middle one.
    pub median: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// The spread of `values`; all zero when there are none.
    #[must_use]
    pub fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (Some(&min), Some(&max)) = (sorted.first(), sorted.last()) else {
            return Self {
                min: 0.0,
                median: 0.0,
                max: 0.0,
            };
        };
        let middle = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 {
            sorted[middle]
        } else {
            f64::midpoint(sorted[middle - 1], sorted[middle])
        };
        Self { min, median, max }
    }

    /// Whether there is nothing to spread.
    #[must_use]
    pub fn is_single(&self) -> bool {
        self.min == self.max
    }

    /// The same with every value times `factor`: another unit.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self {
            min: self.min * factor,
            median: self.median * factor,
            max: self.max * factor,
        }
    }

    /// The spread of `ours[i] / theirs[i]`: pairs that ran one after the
    /// other, so that a slow minute of the machine cancels out.
    #[must_use]
    pub fn of_ratios(ours: &[f64], theirs: &[f64]) -> Self {
        let ratios: Vec<f64> = ours.iter().zip(theirs).map(|(a, b)| a / b).collect();
        Self::of(&ratios)
    }
}

/// The value that `share` of the `sorted` values stay at or below; 0 when
/// there are none.
#[must_use]
pub fn quantile(sorted: &[u32], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return 0.0;
    };
    f64::from(sorted[(last as f64 * share).round() as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_of_an_even_count_is_between_the_middle_two() {
        assert_eq!(Spread::of(&[4.0, 1.0, 2.0, 3.0]).median, 2.5);
    }

    #[test]
    fn ratios_are_taken_pair_by_pair() {
        let spread = Spread::of_ratios(&[2.0, 30.0], &[1.0, 10.0]);
        assert_eq!((spread.min, spread.max), (2.0, 3.0));
    }

    #[test]
    fn quantiles_of_nothing_are_zero() {
        assert_eq!(quantile(&[], 0.99), 0.0);
        assert_eq!(quantile(&[1, 2, 3], 1.0), 3.0);
    }
}
