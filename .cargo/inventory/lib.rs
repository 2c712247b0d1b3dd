//! The crate `inventory`, unchanged natively, without its constructors on WebAssembly.
//!
//! tract registers its transforms, runtimes and kernels through static constructors. No linker removes
//! these or what they refer to, although the worker runs none of it: three quarters of its program.

#[cfg(not(target_family = "wasm"))]
pub use registered::*;

#[cfg(target_family = "wasm")]
pub use empty::*;

#[cfg(target_family = "wasm")]
mod empty {
    use std::{convert::Infallible, iter::Empty, marker::PhantomData, ops::Deref};

    /// A type whose values could be registered.
    pub trait Collect: 'static {}

    /// Everything of type `T` that was registered: nothing. Used as a value and as a function.
    #[allow(non_camel_case_types)]
    pub enum iter<T> {
        #[doc(hidden)]
        iter,
        #[doc(hidden)]
        Type(PhantomData<T>, Infallible),
    }
    pub use self::iter::*;

    impl<T: Collect> Deref for iter<T> {
        type Target = fn() -> Empty<&'static T>;

        fn deref(&self) -> &Self::Target {
            &(std::iter::empty as fn() -> Empty<&'static T>)
        }
    }

    impl<T: Collect> IntoIterator for iter<T> {
        type Item = &'static T;
        type IntoIter = Empty<&'static T>;

        fn into_iter(self) -> Self::IntoIter {
            std::iter::empty()
        }
    }
}

/// Lets values of a type be collected.
#[cfg(target_family = "wasm")]
#[macro_export]
macro_rules! collect {
    ($type:ty) => {
        impl $crate::Collect for $type {}
    };
}

/// Drops the value instead of registering it.
#[cfg(target_family = "wasm")]
#[macro_export]
macro_rules! submit {
    ($($value:tt)*) => {};
}
