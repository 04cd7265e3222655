//! A chain of three pallets, and words for what most tests do first.

use frame_support::traits::Hooks;
use frame_support::{assert_ok, derive_impl, traits::ConstU64};
use sp_runtime::BuildStorage;

use crate as pallet_subtensor;
pub use crate::*;

pub type Block = frame_system::mocking::MockBlock<Test>;

#[frame_support::runtime]
mod runtime {
    #[runtime::runtime]
    #[runtime::derive(
        RuntimeCall,
        RuntimeEvent,
        RuntimeError,
        RuntimeOrigin,
        RuntimeFreezeReason,
        RuntimeHoldReason,
        RuntimeSlashReason,
        RuntimeLockId,
        RuntimeTask
    )]
    pub struct Test;

    #[runtime::pallet_index(0)]
    pub type System = frame_system;
    #[runtime::pallet_index(5)]
    pub type Balances = pallet_balances;
    #[runtime::pallet_index(7)]
    pub type SubtensorModule = pallet_subtensor;
}

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = Block;
    type AccountData = pallet_balances::AccountData<u64>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type AccountStore = System;
    type DustRemoval = Recycle<Test>;
    type ExistentialDeposit = ConstU64<500>;
}

impl crate::Config for Test {
    type Currency = Balances;
    type InitialStartCallDelay = ConstU64<0>;
}

/// Coldkeys, each with a million TAO.
pub const OWNER: u64 = 1;
pub const ALICE: u64 = 2;
pub const BOB: u64 = 3;
/// A coldkey with nothing.
pub const POOR: u64 = 9;
/// The owner's hotkey, uid 0 of the first subnet.
pub const OWNER_HOTKEY: u64 = 100;
/// Hotkeys nobody owns yet.
pub const HOTKEY: u64 = 101;
pub const OTHER_HOTKEY: u64 = 102;

pub const TAO: u64 = RAO_PER_TAO;
pub const FUNDS: u64 = 1_000_000 * TAO;
pub const NETUID: NetUid = 1;

/// A chain as the preset `local` makes it, unless told otherwise.
pub struct ExtBuilder {
    genesis: GenesisConfig<Test>,
}

impl Default for ExtBuilder {
    fn default() -> Self {
        let subnets = SubnetDefaults {
            tempo: 20,
            immunity_period: 100,
            weights_rate_limit: 0,
            serving_rate_limit: 0,
            emission_enabled: true,
            loopback_axons: true,
            ..Default::default()
        };
        let genesis = GenesisConfig {
            subnets,
            network_rate_limit: 0,
            network_min_lock_cost: 100 * TAO,
            admin_freeze_window: 0,
            owner_hyperparam_rate_limit: 0,
            max_epochs_per_block: 32,
            ..Default::default()
        };
        Self { genesis }
    }
}

impl ExtBuilder {
    /// Another genesis.
    pub fn with(mut self, change: impl FnOnce(&mut GenesisConfig<Test>)) -> Self {
        change(&mut self.genesis);
        self
    }

    /// Runs a test in block 1 and checks the invariants after it.
    pub fn build_and_execute(self, test: impl FnOnce()) {
        let balances = [OWNER, ALICE, BOB].map(|coldkey| (coldkey, FUNDS)).to_vec();
        let mut storage = frame_system::GenesisConfig::<Test>::default().build_storage().unwrap();
        pallet_balances::GenesisConfig::<Test> { balances, ..Default::default() }
            .assimilate_storage(&mut storage)
            .unwrap();
        self.genesis.assimilate_storage(&mut storage).unwrap();
        sp_io::TestExternalities::new(storage).execute_with(|| {
            advance(1);
            test();
            assert_eq!(SubtensorModule::check_invariants(), Ok(()));
        });
    }

    /// As `build_and_execute`, with a subnet of OWNER that was started.
    pub fn with_subnet(self, test: impl FnOnce()) {
        self.build_and_execute(|| {
            start_subnet(OWNER_HOTKEY);
            test();
        });
    }
}

/// Runs so many blocks, with the invariants after each.
pub fn advance(blocks: u64) {
    for _ in 0..blocks {
        System::set_block_number(System::block_number() + 1);
        SubtensorModule::on_initialize(System::block_number());
        assert_eq!(SubtensorModule::check_invariants(), Ok(()));
    }
}

/// Runs until the block after which the subnet's epoch has run.
pub fn run_epoch(netuid: NetUid) {
    let index = SubnetEpochIndex::<Test>::get(netuid);
    while SubnetEpochIndex::<Test>::get(netuid) == index {
        advance(1);
    }
}

pub fn signed(account: u64) -> RuntimeOrigin {
    RuntimeOrigin::signed(account)
}

/// A subnet of OWNER, started.
pub fn start_subnet(hotkey: u64) -> NetUid {
    assert_ok!(SubtensorModule::register_network(signed(OWNER), hotkey));
    let netuid = SubtensorModule::netuids().into_iter().max().unwrap();
    assert_ok!(SubtensorModule::start_call(signed(OWNER), netuid));
    netuid
}

/// A neuron on the first subnet; its uid.
pub fn neuron(coldkey: u64, hotkey: u64) -> u16 {
    assert_ok!(SubtensorModule::burned_register(signed(coldkey), NETUID, hotkey));
    SubtensorModule::uid_of(NETUID, &hotkey).unwrap()
}

/// Puts stake behind a hotkey of the first subnet.
pub fn stake(coldkey: u64, hotkey: u64, amount: u64) {
    assert_ok!(SubtensorModule::add_stake(signed(coldkey), hotkey, NETUID, amount));
}

/// Lets the first subnet take weights directly.
pub fn weights_directly() {
    CommitRevealWeightsEnabled::<Test>::insert(NETUID, false);
}

/// Sets weights on the first subnet.
pub fn weigh(hotkey: u64, weights: &[(u16, u16)]) {
    let (uids, values) = weights.iter().copied().unzip();
    assert_ok!(SubtensorModule::set_weights(signed(hotkey), NETUID, uids, values, 0));
}

/// The events of this pallet since the last time.
pub fn events() -> Vec<Event<Test>> {
    let records = System::read_events_no_consensus().map(|record| record.event).collect::<Vec<_>>();
    System::reset_events();
    records
        .into_iter()
        .filter_map(|event| if let RuntimeEvent::SubtensorModule(ours) = event { Some(ours) } else { None })
        .collect()
}
