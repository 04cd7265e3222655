//! The states a chain can start from, each as the JSON that `GenesisBuilder` takes.

use alloc::{vec, vec::Vec};

use pallet_subtensor::{RAO_PER_TAO, SubnetDefaults};
use serde_json::{Value, json};
use sp_consensus_aura::sr25519::AuthorityId as AuraId;
use sp_consensus_grandpa::AuthorityId as GrandpaId;
use sp_genesis_builder::{DEV_RUNTIME_PRESET, PresetId};
use sp_keyring::{Ed25519Keyring, Sr25519Keyring};

use crate::AccountId;

/// A chain that does not let anybody wait.
const LOCAL: &str = "local";
/// A chain with Bittensor's parameters: those that the pallets have by themselves.
const MAINNET: &str = "mainnet";

/// The preset of that name.
pub fn preset(id: &PresetId) -> Option<Vec<u8>> {
    let state = match id.as_ref() {
        LOCAL | DEV_RUNTIME_PRESET => local(),
        MAINNET => mainnet(),
        _ => return None,
    };
    serde_json::to_vec(&state).ok()
}

/// The names that `preset` knows.
pub fn names() -> Vec<PresetId> {
    [LOCAL, MAINNET, DEV_RUNTIME_PRESET].map(PresetId::from).into()
}

fn local() -> Value {
    let mut state = mainnet();
    // Each of these differs from `mainnet`: quick epochs, no rate limits, cheap subnets, neurons on the same machine.
    state["subtensorModule"] = json!({
        "subnets": SubnetDefaults {
            tempo: 20,
            immunity_period: 100,
            weights_rate_limit: 0,
            serving_rate_limit: 0,
            emission_enabled: true,
            loopback_axons: true,
            ..Default::default()
        },
        "networkRateLimit": 0,
        "networkMinLockCost": 100 * RAO_PER_TAO,
        "adminFreezeWindow": 0,
        "ownerHyperparamRateLimit": 0,
        "txRateLimit": 0,
        "maxEpochsPerBlock": 32,
    });
    state
}

/// In both presets the development keys have the TAO, and Alice is root: without either nobody could register anything. A chain for the
/// public starts from a specification of its own.
fn mainnet() -> Value {
    json!({
        "aura": { "authorities": authors() },
        "grandpa": { "authorities": finalisers() },
        "balances": { "balances": development_keys().map(|key| (key, 1_000_000 * RAO_PER_TAO)) },
        "sudo": { "key": Sr25519Keyring::Alice.to_account_id() },
    })
}

fn development_keys() -> [AccountId; 6] {
    use Sr25519Keyring::{Alice, Bob, Charlie, Dave, Eve, Ferdie};
    [Alice, Bob, Charlie, Dave, Eve, Ferdie].map(|key| key.to_account_id())
}

/// One author, Alice: the embedded node seals alone.
fn authors() -> Vec<AuraId> {
    vec![Sr25519Keyring::Alice.public().into()]
}

fn finalisers() -> Vec<(GrandpaId, u64)> {
    vec![(Ed25519Keyring::Alice.public().into(), 1)]
}
