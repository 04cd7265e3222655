//! The states a chain can start from, each as the JSON that `GenesisBuilder` takes.

use alloc::{vec, vec::Vec};

use pallet_subtensor::{RAO_PER_TAO, SubnetDefaults};
use serde_json::{Value, json};
use sp_consensus_aura::sr25519::AuthorityId as AuraId;
use sp_consensus_grandpa::AuthorityId as GrandpaId;
use sp_genesis_builder::{DEV_RUNTIME_PRESET, PresetId};
use sp_keyring::{Ed25519Keyring, Sr25519Keyring};

use crate::{AccountId, Balance};

/// A chain on one machine: development keys with money, Alice as root.
const LOCAL: &str = "local";
/// Bittensor's figures, nobody funded.
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
    let balances: Vec<(AccountId, Balance)> = [
        Sr25519Keyring::Alice,
        Sr25519Keyring::Bob,
        Sr25519Keyring::Charlie,
        Sr25519Keyring::Dave,
        Sr25519Keyring::Eve,
        Sr25519Keyring::Ferdie,
    ]
    .map(|key| (key.to_account_id(), 1_000_000 * RAO_PER_TAO))
    .into();
    json!({
        "aura": { "authorities": authors() },
        "grandpa": { "authorities": finalisers() },
        "balances": { "balances": balances },
        "sudo": { "key": Some(Sr25519Keyring::Alice.to_account_id()) },
        "subtensorModule": {
            // Each of these differs from `mainnet`: quick epochs, nothing to wait for, neurons on the same machine.
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
        },
    })
}

fn mainnet() -> Value {
    json!({
        "aura": { "authorities": authors() },
        "grandpa": { "authorities": finalisers() },
    })
}

/// One author, Alice: the embedded node seals alone.
fn authors() -> Vec<AuraId> {
    vec![Sr25519Keyring::Alice.public().into()]
}

fn finalisers() -> Vec<(GrandpaId, u64)> {
    vec![(Ed25519Keyring::Alice.public().into(), 1)]
}
