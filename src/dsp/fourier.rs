//! Fourier transform of 256 complex numbers.
//!
//! The numbers are a matrix of 16 rows: its columns are transformed side by side, then, once they are turned by
//! their angles, its rows, which for that become columns. Real and imaginary parts lie apart.

use std::f64::consts::TAU;

use super::vectorise;

/// Numbers that are transformed.
pub const POINTS: usize = SIDE * SIDE;

const SIDE: usize = 16;

/// Complex numbers; the one at index [`POINTS`] is that at 0, what comes after it has no meaning.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub struct Planes {
    /// Real parts.
    pub re: [f32; POINTS + SIDE],
    /// Imaginary parts.
    pub im: [f32; POINTS + SIDE],
}

/// Tables and working space of the transform.
#[derive(Clone, Debug)]
pub struct Fourier {
    /// `exp(-2πi r c / 256)` for row r and column c.
    turns: Planes,
    /// `exp(-2πi n j / 16)` for n and j of 0 to 3: real and imaginary part.
    quarter_turns: [[[f32; 2]; 4]; 4],
    planes: [Planes; 2],
}

impl Planes {
    const ZERO: Self = Self {
        re: [0.0; POINTS + SIDE],
        im: [0.0; POINTS + SIDE],
    };
}

impl Fourier {
    /// The tables.
    pub fn new() -> Self {
        let turn = |part: usize, of: usize| {
            let (sine, cosine) = (TAU * part as f64 / of as f64).sin_cos();
            [cosine as f32, -sine as f32]
        };
        let mut turns = Planes::ZERO;
        for n in 0..POINTS {
            [turns.re[n], turns.im[n]] = turn(n / SIDE * (n % SIDE), POINTS);
        }
        Self {
            turns,
            quarter_turns: std::array::from_fn(|n| std::array::from_fn(|j| turn(n * j, SIDE))),
            planes: [Planes::ZERO, Planes::ZERO],
        }
    }

    /// `X[k]`, the sum over n of `x[n] exp(-2πi k n / 256)`, where `x[n]` is a pair of real and imaginary part,
    /// one pair after the other; `X[256]` is `X[0]`.
    pub fn transform(&mut self, x: &[f32; 2 * POINTS]) -> &Planes {
        let [a, b] = &mut self.planes;
        vectorise(
            #[inline(always)]
            || part(x, a),
        );
        columns(&self.quarter_turns, a, b);
        let turns = &self.turns;
        vectorise(
            #[inline(always)]
            || {
                turn(turns, a);
                interleave(a, b);
                interleave(b, a);
            },
        );
        columns(&self.quarter_turns, a, b);
        (a.re[POINTS], a.im[POINTS]) = (a.re[0], a.im[0]);
        a
    }
}

impl Default for Fourier {
    fn default() -> Self {
        Self::new()
    }
}

#[inline(always)]
fn part(x: &[f32; 2 * POINTS], to: &mut Planes) {
    let pairs = x.as_chunks::<2>().0;
    for ((re, im), pair) in to.re.iter_mut().zip(&mut to.im).zip(pairs) {
        [*re, *im] = *pair;
    }
}

/// Transforms of the columns of `a`; `b` is working space.
#[inline(never)]
fn columns(turns: &[[[f32; 2]; 4]; 4], a: &mut Planes, b: &mut Planes) {
    vectorise(
        #[inline(always)]
        || {
            for (n, turns) in turns.iter().enumerate() {
                butterflies::<true>(a, n, b, [4 * n, 1], turns);
            }
            for n in 0..4 {
                butterflies::<false>(b, n, a, [n, 4], &turns[0]);
            }
        },
    );
}

/// From rows n, n + 4, n + 8 and n + 12 to four others: the first of them and the distance to the next is given.
#[inline(always)]
fn butterflies<const TURN: bool>(
    from: &Planes,
    n: usize,
    to: &mut Planes,
    [first, apart]: [usize; 2],
    turns: &[[f32; 2]; 4],
) {
    for column in 0..SIDE {
        let x = |m: usize| {
            let place = (n + 4 * m) * SIDE + column;
            [from.re[place], from.im[place]]
        };
        let [x0, x1, x2, x3] = [x(0), x(1), x(2), x(3)];
        let (even, odd) = (add(x0, x2), add(x1, x3));
        let (even_apart, [re, im]) = (subtract(x0, x2), subtract(x1, x3));
        let odd_apart = [im, -re];
        let y = [
            add(even, odd),
            add(even_apart, odd_apart),
            subtract(even, odd),
            subtract(even_apart, odd_apart),
        ];
        for j in 0..4 {
            let place = (first + j * apart) * SIDE + column;
            [to.re[place], to.im[place]] = if TURN && j > 0 {
                product(y[j], turns[j])
            } else {
                y[j]
            };
        }
    }
}

#[inline(always)]
fn turn(turns: &Planes, planes: &mut Planes) {
    for n in 0..POINTS {
        let (x, turn) = ([planes.re[n], planes.im[n]], [turns.re[n], turns.im[n]]);
        [planes.re[n], planes.im[n]] = product(x, turn);
    }
}

/// Half of a transposition: quarters are interleaved.
#[inline(always)]
fn interleave(from: &Planes, to: &mut Planes) {
    for n in 0..POINTS / 4 {
        for quarter in 0..4 {
            to.re[4 * n + quarter] = from.re[n + quarter * POINTS / 4];
            to.im[4 * n + quarter] = from.im[n + quarter * POINTS / 4];
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

#[inline(always)]
fn product(a: [f32; 2], b: [f32; 2]) -> [f32; 2] {
    [a[0] * b[0] - a[1] * b[1], a[1] * b[0] + a[0] * b[1]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bin_is_that_of_the_definition() {
        let x: [f32; 2 * POINTS] = std::array::from_fn(|n| {
            let n = n as f32;
            (0.3 * n).sin() + 0.05 + 0.1 * (0.07 * n * n).cos()
        });
        let mut fourier = Fourier::new();
        let planes = fourier.transform(&x);
        for k in 0..=POINTS {
            let (mut re, mut im) = (0.0, 0.0);
            for (n, &[own_re, own_im]) in x.as_chunks().0.iter().enumerate() {
                let (sine, cosine) = (TAU * (k * n % POINTS) as f64 / POINTS as f64).sin_cos();
                re += f64::from(own_re) * cosine + f64::from(own_im) * sine;
                im += f64::from(own_im) * cosine - f64::from(own_re) * sine;
            }
            let error = (f64::from(planes.re[k]) - re).hypot(f64::from(planes.im[k]) - im);
            assert!(error < 1e-5 * re.hypot(im).max(1.0), "bin {k}: {error}");
        }
    }
}
