//! Subnets: registration, start, the owner's parameters.

use frame_support::{assert_noop, assert_ok, traits::fungible::Inspect};

use super::mock::*;

fn register(coldkey: u64, hotkey: u64) -> sp_runtime::DispatchResult {
    SubtensorModule::register_network(signed(coldkey), hotkey)
}

#[test]
fn registering_locks_the_cost_and_seats_the_hotkey() {
    ExtBuilder::default().build_and_execute(|| {
        events();
        assert_ok!(register(OWNER, OWNER_HOTKEY));
        assert_eq!(Balances::balance(&OWNER), FUNDS - 100 * TAO);
        assert_eq!(SubnetLocked::<Test>::get(NETUID), 100 * TAO);
        assert_eq!(SubnetOwner::<Test>::get(NETUID), OWNER);
        assert_eq!(SubnetOwnerHotkey::<Test>::get(NETUID), OWNER_HOTKEY);
        assert_eq!(SubtensorModule::hotkeys(NETUID), [OWNER_HOTKEY]);
        assert_eq!(Owner::<Test>::get(OWNER_HOTKEY), OWNER);
        assert_eq!(events(), [Event::NetworkAdded(NETUID, 0)]);
        // What is locked stays issued.
        assert_eq!(TotalIssuance::<Test>::get(), 3 * FUNDS);
    });
}

#[test]
fn a_new_subnet_has_bittensors_parameters() {
    let mainnet = ExtBuilder::default().with(|genesis| *genesis = GenesisConfig::default());
    mainnet.build_and_execute(|| {
        assert_ok!(register(OWNER, OWNER_HOTKEY));
        let params = SubtensorModule::epoch_params(NETUID);
        assert_eq!(params, yuma::Params::default());
        assert_eq!(MaxAllowedUids::<Test>::get(NETUID), 256);
        assert_eq!(MinAllowedWeights::<Test>::get(NETUID), 1);
        assert_eq!(ImmunityPeriod::<Test>::get(NETUID), 5_000);
        assert_eq!(Burn::<Test>::get(NETUID), TAO);
        assert_eq!(WeightsSetRateLimit::<Test>::get(NETUID), 100);
        assert_eq!(ServingRateLimit::<Test>::get(NETUID), 50);
        assert_eq!(RevealPeriodEpochs::<Test>::get(NETUID), 1);
        assert!(!SubnetEmissionEnabled::<Test>::get(NETUID));
        assert!(!SubtokenEnabled::<Test>::get(NETUID));
    });
}

#[test]
fn the_lock_cost_doubles_and_falls_back() {
    ExtBuilder::default().build_and_execute(|| {
        NetworkLockReductionInterval::<Test>::put(100);
        assert_eq!(SubtensorModule::network_lock_cost(), 100 * TAO);
        assert_ok!(register(OWNER, OWNER_HOTKEY));
        assert_eq!(SubtensorModule::network_lock_cost(), 200 * TAO);
        advance(50);
        assert_eq!(SubtensorModule::network_lock_cost(), 150 * TAO);
        assert_ok!(register(ALICE, HOTKEY));
        assert_eq!(SubnetLocked::<Test>::get(2), 150 * TAO);
        assert_eq!(SubtensorModule::network_lock_cost(), 300 * TAO);
        advance(1_000);
        assert_eq!(SubtensorModule::network_lock_cost(), 100 * TAO);
    });
}

#[test]
fn registering_needs_money() {
    ExtBuilder::default().build_and_execute(|| {
        assert_noop!(register(POOR, HOTKEY), Error::<Test>::CannotAffordLockCost);
        // The account must live on.
        NetworkMinLockCost::<Test>::put(FUNDS);
        assert_noop!(register(OWNER, HOTKEY), Error::<Test>::CannotAffordLockCost);
    });
}

#[test]
fn registering_needs_a_hotkey_of_ones_own() {
    ExtBuilder::default().with_subnet(|| {
        assert_noop!(register(ALICE, OWNER_HOTKEY), Error::<Test>::NonAssociatedColdKey);
        assert_ok!(register(OWNER, OWNER_HOTKEY));
    });
}

#[test]
fn subnets_come_one_per_rate_limit() {
    ExtBuilder::default().with(|genesis| genesis.network_rate_limit = 10).with_subnet(|| {
        assert_noop!(register(ALICE, HOTKEY), Error::<Test>::NetworkTxRateLimitExceeded);
        advance(10);
        assert_ok!(register(ALICE, HOTKEY));
    });
}

#[test]
fn subnets_are_limited() {
    ExtBuilder::default().with_subnet(|| {
        SubnetLimit::<Test>::put(1);
        assert_noop!(register(ALICE, HOTKEY), Error::<Test>::SubnetLimitReached);
    });
}

#[test]
fn an_identity_is_kept_and_bounded() {
    ExtBuilder::default().build_and_execute(|| {
        let named = |length| SubnetIdentityV3 { subnet_name: vec![b'x'; length], ..Default::default() };
        let with =
            |identity| SubtensorModule::register_network_with_identity(signed(OWNER), OWNER_HOTKEY, Some(identity));
        assert_noop!(with(named(257)), Error::<Test>::InvalidIdentity);
        assert_ok!(with(named(256)));
        assert_eq!(SubtensorModule::subnet_name(NETUID), vec![b'x'; 256]);
        let rename = |who, netuid, name: &[u8]| {
            let [a, b, c, d, e, f, g] = [const { Vec::new() }; 7];
            SubtensorModule::set_subnet_identity(signed(who), netuid, name.to_vec(), a, b, c, d, e, f, g)
        };
        assert_noop!(rename(ALICE, NETUID, b"mine"), Error::<Test>::NotSubnetOwner);
        assert_noop!(rename(OWNER, 7, b"none"), Error::<Test>::SubnetNotExists);
        assert_noop!(rename(OWNER, NETUID, &[b'x'; 257]), Error::<Test>::InvalidIdentity);
        assert_ok!(rename(OWNER, NETUID, b"prose"));
        assert_eq!(SubtensorModule::subnet_name(NETUID), b"prose");
    });
}

#[test]
fn the_owner_starts_a_subnet_once() {
    ExtBuilder::default().with(|genesis| genesis.start_call_delay = 5).build_and_execute(|| {
        let start = |who, netuid| SubtensorModule::start_call(signed(who), netuid);
        assert_ok!(register(OWNER, OWNER_HOTKEY));
        assert_noop!(start(OWNER, 7), Error::<Test>::SubnetNotExists);
        assert_noop!(start(ALICE, NETUID), Error::<Test>::NotSubnetOwner);
        assert_noop!(start(OWNER, NETUID), Error::<Test>::NeedWaitingMoreBlocksToStarCall);
        advance(5);
        assert_ok!(start(OWNER, NETUID));
        assert_eq!(FirstEmissionBlockNumber::<Test>::get(NETUID), Some(System::block_number() + 1));
        assert_noop!(start(OWNER, NETUID), Error::<Test>::FirstEmissionBlockNumberAlreadySet);
    });
}

#[test]
fn the_root_network_is_there_and_idle() {
    ExtBuilder::default().build_and_execute(|| {
        assert_eq!(SubtensorModule::netuids(), [ROOT]);
        assert_eq!(SubtensorModule::next_epoch_block(ROOT), None);
        let add = SubtensorModule::add_stake(signed(ALICE), HOTKEY, ROOT, TAO);
        assert_eq!(add, Err(Error::<Test>::SubtokenDisabled.into()));
    });
}

#[test]
fn the_owner_sets_the_tempo() {
    ExtBuilder::default().with(|genesis| genesis.owner_hyperparam_rate_limit = 1).with_subnet(|| {
        let tempo = |who, blocks| SubtensorModule::set_tempo(signed(who), NETUID, blocks);
        assert_noop!(tempo(ALICE, 360), Error::<Test>::NotSubnetOwner);
        assert_noop!(tempo(OWNER, 359), Error::<Test>::TempoOutOfBounds);
        assert_noop!(tempo(OWNER, 50_401), Error::<Test>::TempoOutOfBounds);
        assert_ok!(tempo(OWNER, 360));
        assert_eq!(SubtensorModule::next_epoch_block(NETUID), Some(System::block_number() + 360));
        assert_noop!(tempo(OWNER, 361), Error::<Test>::TxRateLimitExceeded);
        advance(360);
        assert_ok!(tempo(OWNER, 361));
    });
}

#[test]
fn nothing_changes_in_the_last_blocks_before_an_epoch() {
    ExtBuilder::default().with(|genesis| genesis.admin_freeze_window = 5).with_subnet(|| {
        let next = SubtensorModule::next_epoch_block(NETUID).unwrap();
        advance(next - 4 - System::block_number());
        let refused = Error::<Test>::AdminActionProhibitedDuringWeightsWindow;
        assert_noop!(SubtensorModule::set_tempo(signed(OWNER), NETUID, 360), refused);
        advance(4);
        assert_ok!(SubtensorModule::set_tempo(signed(OWNER), NETUID, 360));
    });
}

#[test]
fn the_activity_cutoff_is_a_factor_of_the_tempo() {
    ExtBuilder::default().with_subnet(|| {
        let factor = |origin, milli| SubtensorModule::set_activity_cutoff_factor(origin, NETUID, milli);
        assert_noop!(factor(signed(ALICE), 2_000), Error::<Test>::NotSubnetOwner);
        let refused = Error::<Test>::ActivityCutoffFactorMilliOutOfBounds;
        assert_noop!(factor(signed(OWNER), 999), refused);
        assert_noop!(factor(RuntimeOrigin::root(), 50_001), Error::<Test>::ActivityCutoffFactorMilliOutOfBounds);
        assert_ok!(factor(RuntimeOrigin::root(), 1_500));
        assert_eq!(SubtensorModule::activity_cutoff_blocks(NETUID), 30);
    });
}
