//! Functions of one number, without branches or tables so that the compiler can vectorise them.

/// Hyperbolic tangent to 5e-7: the quotient of polynomials that Eigen and XLA use.
#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    // Beyond this the result is ±1 in single precision.
    const LIMIT: f32 = 7.905_311;
    const NUMERATOR: [f32; 7] = [
        -2.760_768_5e-16,
        2.000_188e-13,
        -8.604_672e-11,
        5.122_297_1e-8,
        1.485_722_4e-5,
        6.372_619_3e-4,
        4.893_524_6e-3,
    ];
    const DENOMINATOR: [f32; 4] = [1.198_258_4e-6, 1.185_347_1e-4, 2.268_434_6e-3, 4.893_525e-3];
    let x = if x > LIMIT { LIMIT } else { x };
    let x = if x < -LIMIT { -LIMIT } else { x };
    let square = x * x;
    let polynomial =
        |coefficients: &[f32]| coefficients.iter().fold(0.0, |sum, c| sum * square + c);
    x * polynomial(&NUMERATOR) / polynomial(&DENOMINATOR)
}

/// Logistic function to 3e-7.
#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    0.5 + 0.5 * tanh(0.5 * x)
}

/// e to the power of `x`, with a relative error of 3e-7; `x` is limited to ±87.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    // The Taylor series of 2^r for |r| <= 1/2, times a power of two made from its bits.
    const COEFFICIENTS: [f32; 7] = [
        1.540_353e-4,
        1.333_355_8e-3,
        9.618_129e-3,
        5.550_411e-2,
        0.240_226_5,
        std::f32::consts::LN_2,
        1.0,
    ];
    // Added and subtracted again, it rounds to a whole number.
    const ROUNDING: f32 = 12_582_912.0;
    let x = if x > 87.0 { 87.0 } else { x };
    let x = if x < -87.0 { -87.0 } else { x };
    let whole = (x * std::f32::consts::LOG2_E + ROUNDING) - ROUNDING;
    // x log2(e) - whole, in two parts of ln 2 to avoid losing digits.
    let rest = (x - whole * 0.693_359_4) + whole * 2.121_944_4e-4;
    let r = rest * std::f32::consts::LOG2_E;
    let power = COEFFICIENTS.iter().fold(0.0, |sum, c| sum * r + c);
    power * f32::from_bits(((whole as i32 + 127) as u32) << 23)
}

/// Natural logarithm with a relative error of 1e-7, absolute near 1; for positive normal numbers
/// only.
#[inline(always)]
pub fn ln(x: f32) -> f32 {
    // ln(1 + r) = r - r²/2 + r³ p(r) for 1 + r between the roots of 1/2 and of 2 (Cephes).
    const COEFFICIENTS: [f32; 9] = [
        7.037_683_6e-2,
        -1.151_461e-1,
        1.167_699_9e-1,
        -1.242_014_1e-1,
        1.424_932_3e-1,
        -1.666_805_8e-1,
        2.000_071_4e-1,
        -2.499_999_4e-1,
        3.333_333e-1,
    ];
    const ROOT_BITS: u32 = std::f32::consts::FRAC_1_SQRT_2.to_bits();
    // As a whole number, the bits of x over those of the root hold the exponent.
    let exponent = (x.to_bits().wrapping_sub(ROOT_BITS) as i32) >> 23;
    let r = f32::from_bits(x.to_bits().wrapping_sub((exponent as u32) << 23)) - 1.0;
    let exponent = exponent as f32;
    let polynomial = COEFFICIENTS.iter().fold(0.0, |sum, c| sum * r + c);
    let square = r * r;
    let small = r * square * polynomial + exponent * -2.121_944_4e-4 - 0.5 * square;
    (r + small) + exponent * 0.693_359_4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn approximations_are_as_good_as_stated_everywhere() {
        for step in -200_000..=200_000 {
            let x = step as f32 * 1e-4;
            let exact = f64::from(x).tanh();
            assert!((f64::from(tanh(x)) - exact).abs() < 5e-7, "tanh {x}");
            let exact = 1.0 / (1.0 + (-f64::from(x)).exp());
            assert!((f64::from(sigmoid(x)) - exact).abs() < 3e-7, "sigmoid {x}");
        }
        for step in -86_999..=86_999 {
            let x = step as f32 * 1e-3;
            let exact = f64::from(x).exp();
            assert!((f64::from(exp(x)) / exact - 1.0).abs() < 3e-7, "exp {x}");
        }
        assert_eq!(exp(f32::NEG_INFINITY), exp(-87.0));
        for bits in (f32::MIN_POSITIVE.to_bits()..f32::MAX.to_bits()).step_by(9_973) {
            let x = f32::from_bits(bits);
            let exact = f64::from(x).ln();
            let error = (f64::from(ln(x)) - exact).abs();
            assert!(error < 1e-7 * exact.abs().max(1.0), "ln {x}");
        }
        for (x, limit) in [(f32::MAX, 1.0), (f32::NEG_INFINITY, -1.0)] {
            assert!((tanh(x) - limit).abs() < 5e-7);
            assert!((0.0..=1.0).contains(&sigmoid(x)));
        }
        assert!(tanh(f32::NAN).is_nan() && sigmoid(f32::NAN).is_nan());
    }
}
