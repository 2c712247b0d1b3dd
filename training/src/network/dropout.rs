//! Dropout with one mask for a group of rows (Gal & Ghahramani, 2016).

use rand::Rng;

/// A mask `[groups, C]` of 0 and `1 / (1 - probability)`.
#[derive(Clone, Debug)]
pub struct Mask {
    channels: usize,
    scale: Vec<f32>,
}

impl Mask {
    /// Draws a mask: each channel of each group is dropped with `probability`.
    pub fn draw(groups: usize, channels: usize, probability: f32, rng: &mut impl Rng) -> Self {
        let threshold = (f64::from(probability) * 2f64.powi(32)) as u32;
        let kept = 1.0 / (1.0 - probability);
        let scale = (0..groups * channels)
            .map(|_| {
                if rng.next_u32() < threshold {
                    0.0
                } else {
                    kept
                }
            })
            .collect();
        Self { channels, scale }
    }

    /// Multiplies `x` `[rows, C]`, of which `rows[g]` consecutive ones belong to group g. The same for
    /// outputs forward and gradients backward.
    pub fn apply(&self, x: &mut [f32], rows: impl IntoIterator<Item = usize>) {
        let mut x = x.chunks_exact_mut(self.channels);
        for (scale, rows) in self.scale.chunks_exact(self.channels).zip(rows) {
            for row in x.by_ref().take(rows) {
                for (x, scale) in row.iter_mut().zip(scale) {
                    *x *= scale;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::gradient_check::rng;

    #[test]
    fn a_share_of_channels_is_zero_in_all_rows_of_its_group_and_the_mean_stays() {
        let mask = Mask::draw(2, 5000, 0.3, &mut rng());
        let mut x = vec![1.0; 5 * 5000];
        mask.apply(&mut x, [2, 3]);
        let rows: Vec<&[f32]> = x.chunks_exact(5000).collect();
        assert_eq!(rows[0], rows[1]);
        assert_eq!(rows[2], rows[3]);
        assert_eq!(rows[2], rows[4]);
        assert_ne!(rows[0], rows[2]);
        let dropped = rows[0].iter().filter(|&&x| x == 0.0).count();
        assert!((1400..1600).contains(&dropped), "{dropped} of 5000");
        let mean = rows[0].iter().sum::<f32>() / 5000.0;
        assert!((mean - 1.0).abs() < 0.05, "{mean}");
    }
}
