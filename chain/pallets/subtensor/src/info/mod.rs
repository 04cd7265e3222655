//! What the runtime APIs answer. Field order, names and types are Bittensor's; fields that it no longer computes are empty or 0 here as there.

mod metagraph;
mod neuron;
mod parameters;
mod stake;
mod subnet;

pub use metagraph::{Metagraph, SubnetState};
pub use neuron::{NeuronInfo, NeuronInfoLite};
pub use parameters::{HyperparamEntry, HyperparamValue, SubnetHyperparams, SubnetHyperparamsV2};
pub use stake::{DelegateInfo, SimSwapResult, StakeAvailability, StakeInfo, SubnetPrice, SubnetStake};
pub use subnet::{DynamicInfo, SubnetInfo, SubnetInfoV2};

use alloc::vec::Vec;

use codec::Compact;

/// A vector whose numbers are written in as few bytes as they need.
fn compact<N>(values: Vec<N>) -> Vec<Compact<N>>
where
    Compact<N>: From<N>,
{
    values.into_iter().map(Compact::from).collect()
}
