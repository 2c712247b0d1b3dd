//! Sizes of axes, some of which grow with the segment.

use std::fmt;

use tract_onnx::tract_hir::internal::*;

/// `per_step · steps + fixed`, where the number of steps depends on the segment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Size {
    per_step: usize,
    fixed: isize,
}

impl Size {
    /// A size that grows with the segment.
    pub fn per_step(per_step: usize) -> Self {
        Self { per_step, fixed: 0 }
    }

    /// The size, if it is the same for every segment.
    pub fn known(self) -> Option<usize> {
        usize::try_from(self.fixed)
            .ok()
            .filter(|_| self.per_step == 0)
    }

    /// The size of a segment of so many steps; none if there is no such segment.
    pub fn at(self, steps: usize) -> Option<usize> {
        (self.per_step * steps).checked_add_signed(self.fixed)
    }

    /// How many windows of `length` fit, each `stride` after the previous one.
    pub fn windows(self, length: usize, stride: usize) -> TractResult<Self> {
        ensure!(
            stride > 0 && self.per_step.is_multiple_of(stride),
            "{self:?} is not in steps of {stride}"
        );
        let fixed = (self.fixed - length as isize).div_euclid(stride as isize) + 1;
        let per_step = self.per_step / stride;
        Ok(Self {
            per_step,
            fixed: if per_step == 0 { fixed.max(0) } else { fixed },
        })
    }

    /// The sum of two sizes.
    pub fn plus(self, other: Self) -> Self {
        Self {
            per_step: self.per_step + other.per_step,
            fixed: self.fixed + other.fixed,
        }
    }

    /// The product of two sizes, one of which must be known.
    pub fn times(self, other: Self) -> TractResult<Self> {
        let (factor, size) = match (self.known(), other.known()) {
            (Some(factor), _) => (factor, other),
            (_, Some(factor)) => (factor, self),
            _ => bail!("{self:?} and {other:?} both grow with the segment"),
        };
        Ok(Self {
            per_step: factor * size.per_step,
            fixed: factor as isize * size.fixed,
        })
    }

    /// The size that, times `other`, gives this one.
    pub fn divided_by(self, other: Self) -> TractResult<Self> {
        let quotient = if let Some(divisor @ 1..) = other.known() {
            Self {
                per_step: self.per_step / divisor,
                fixed: self.fixed / divisor as isize,
            }
        } else {
            (self.per_step / other.per_step.max(1)).into()
        };
        ensure!(
            quotient.times(other)? == self,
            "{self:?} is not a multiple of {other:?}"
        );
        Ok(quotient)
    }
}

impl From<usize> for Size {
    fn from(size: usize) -> Self {
        Self {
            per_step: 0,
            fixed: size as isize,
        }
    }
}

impl fmt::Debug for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.per_step {
            0 => write!(f, "{}", self.fixed),
            per_step => write!(f, "{per_step}·steps{:+}", self.fixed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_every_segment() {
        let at = |size: Size, steps: usize| size.at(steps).unwrap();
        let frames = Size::per_step(4);
        let halved = frames.plus(4.into()).windows(5, 2).unwrap();
        let joined = halved.times(3.into()).unwrap().plus(frames);
        let divided = joined.divided_by(2.into()).unwrap();
        for steps in [1, 6, 47] {
            assert_eq!(at(halved, steps), (4 * steps + 4 - 5) / 2 + 1);
            assert_eq!(at(joined, steps), 3 * at(halved, steps) + 4 * steps);
            assert_eq!(2 * at(divided, steps), at(joined, steps));
        }
        assert_eq!(joined.divided_by(halved).unwrap().known(), Some(5));
        assert_eq!(Size::from(3).windows(9, 2).unwrap().known(), Some(0));
        assert_eq!(frames.windows(9, 1).unwrap().at(1), None);
    }

    #[test]
    fn what_is_no_size_is_refused() {
        let frames = Size::per_step(4);
        assert!(frames.windows(3, 3).is_err());
        assert!(frames.times(frames).is_err());
        assert!(frames.divided_by(3.into()).is_err());
        assert!(Size::from(6).divided_by(0.into()).is_err());
        assert!(Size::from(6).divided_by(frames).is_err());
    }
}
