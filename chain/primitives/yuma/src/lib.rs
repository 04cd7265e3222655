//! Yuma consensus: one epoch of one subnet, arrays in, arrays out.
//!
//! The crate knows no storage, no accounts and no blocks beyond their numbers. Its files
//! carry the names of their twins in the Python specification (`consensus/`), and vectors
//! generated from the specification are replayed by the crate `runner`. Both must agree bit
//! for bit; a difference is a bug in one of them.
//!
//! Numbers are fixed-point: stake is summed and normalised in `I64F64`, everything after that
//! is `I32F32`, payouts are formed in `I96F32`. Multiplication rounds towards minus infinity,
//! division towards zero, overflow saturates, division by zero yields zero.
#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]
#![deny(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::float_arithmetic,
    missing_docs
)]

extern crate alloc;

mod bonds;
mod epoch;
mod fixed;
mod matrix;
mod mechanisms;
mod params;
mod permits;
mod state;

pub use bonds::reset as reset_bonds;
pub use epoch::{Steps, epoch, epoch_steps};
pub use fixed::{max_upscale, within_limit};
pub use mechanisms::{combine as combine_mechanisms, split_emission};
pub use params::{LiquidAlphaMode, Params};
pub use state::{EpochInput, EpochOutput, Row};
