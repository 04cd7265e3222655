//! The pallet's tests: a test a behaviour, a file a topic. Every test ends with the invariants, and so does every block within it.

mod delegation;
mod emission;
mod epochs;
mod info;
mod invariants;
mod mock;
mod neurons;
mod rules;
mod serving;
mod stake;
mod subnets;
mod weights;
