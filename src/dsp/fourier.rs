//! Fourier transform of 256 complex numbers.
//!
//! Real and imaginary parts lie apart, and what a butterfly of four takes and gives is computed for many
//! butterflies side by side (Stockham's form of the transform, radix 4: results are in order after the last pass,
//! and whatever is read lies in a row).

use std::f64::consts::TAU;

/// Numbers that are transformed.
pub const POINTS: usize = 256;

const QUARTER: usize = POINTS / 4;

/// Complex numbers; the one at index [`POINTS`] is that at 0, what comes after it has no meaning.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub struct Planes {
    /// Real parts.
    pub re: [f32; POINTS + 16],
    /// Imaginary parts.
    pub im: [f32; POINTS + 16],
}

/// Tables and working space of the transform.
#[derive(Clone, Debug)]
pub struct Fourier {
    turns: Turns,
    planes: [Planes; 2],
}

/// `exp(2πi j n / 256)` for j of 1 to 3 and n of a quarter.
#[derive(Clone, Debug)]
#[repr(align(64))]
struct Turns {
    cosine: [[f32; QUARTER]; 3],
    sine: [[f32; QUARTER]; 3],
}

impl Fourier {
    /// The tables.
    pub fn new() -> Self {
        let angle = |j: usize, n: usize| TAU * ((j + 1) * n) as f64 / POINTS as f64;
        let table = |f: fn(f64) -> f64| {
            std::array::from_fn(|j| std::array::from_fn(|n| f(angle(j, n)) as f32))
        };
        let planes = Planes {
            re: [0.0; POINTS + 16],
            im: [0.0; POINTS + 16],
        };
        Self {
            turns: Turns {
                cosine: table(f64::cos),
                sine: table(f64::sin),
            },
            planes: [planes.clone(), planes],
        }
    }

    /// `X[k]`, the sum over n of `x[n] exp(-2πi k n / 256)`, where `x[n]` is a pair of real and imaginary part;
    /// `X[256]` is `X[0]`.
    #[inline(always)]
    pub fn transform(&mut self, x: &[[f32; 2]]) -> &Planes {
        let [a, b] = &mut self.planes;
        for ((re, im), x) in a.re.iter_mut().zip(&mut a.im).zip(&x[..POINTS]) {
            [*re, *im] = *x;
        }
        pass::<1>(&self.turns, a, b);
        pass::<4>(&self.turns, b, a);
        pass::<16>(&self.turns, a, b);
        pass::<64>(&self.turns, b, a);
        (a.re[POINTS], a.im[POINTS]) = (a.re[0], a.im[0]);
        a
    }
}

impl Default for Fourier {
    fn default() -> Self {
        Self::new()
    }
}

/// The pass after which `4 S` neighbours belong to one result.
#[inline(always)]
fn pass<const S: usize>(turns: &Turns, from: &Planes, to: &mut Planes) {
    for first in (0..QUARTER).step_by(S) {
        for n in first..first + S {
            let x = |m: usize| [from.re[n + m * QUARTER], from.im[n + m * QUARTER]];
            let [x0, x1, x2, x3] = [x(0), x(1), x(2), x(3)];
            let (even, odd) = (add(x0, x2), add(x1, x3));
            let (even_apart, [re, im]) = (subtract(x0, x2), subtract(x1, x3));
            let odd_apart = [im, -re];
            let y = [
                add(even_apart, odd_apart),
                subtract(even, odd),
                subtract(even_apart, odd_apart),
            ];
            let place = n + 3 * first;
            [to.re[place], to.im[place]] = add(even, odd);
            for (j, [re, im]) in y.into_iter().enumerate() {
                let place = place + (j + 1) * S;
                let (cosine, sine) = (turns.cosine[j][first], turns.sine[j][first]);
                to.re[place] = re * cosine + im * sine;
                to.im[place] = im * cosine - re * sine;
            }
        }
    }
}

#[inline(always)]
fn add(a: [f32; 2], b: [f32; 2]) -> [f32; 2] {
    [a[0] + b[0], a[1] + b[1]]
}

#[inline(always)]
fn subtract(a: [f32; 2], b: [f32; 2]) -> [f32; 2] {
    [a[0] - b[0], a[1] - b[1]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bin_is_that_of_the_definition() {
        let x: Vec<[f32; 2]> = (0..POINTS)
            .map(|n| {
                let n = n as f32;
                [(0.3 * n).sin() + 0.05, 0.1 * (0.07 * n * n).cos() - 0.02]
            })
            .collect();
        let mut fourier = Fourier::new();
        let planes = fourier.transform(&x);
        for k in 0..=POINTS {
            let (mut re, mut im) = (0.0, 0.0);
            for (n, &[own_re, own_im]) in x.iter().enumerate() {
                let (sine, cosine) = (TAU * (k * n % POINTS) as f64 / POINTS as f64).sin_cos();
                re += f64::from(own_re) * cosine + f64::from(own_im) * sine;
                im += f64::from(own_im) * cosine - f64::from(own_re) * sine;
            }
            let error = (f64::from(planes.re[k]) - re).hypot(f64::from(planes.im[k]) - im);
            assert!(error < 1e-5 * re.hypot(im).max(1.0), "bin {k}: {error}");
        }
    }
}
