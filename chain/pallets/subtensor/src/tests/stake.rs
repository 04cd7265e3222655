//! Stake: in, out, from place to place.

use frame_support::{assert_noop, assert_ok, traits::fungible::Inspect};

use super::mock::*;

fn add(coldkey: u64, amount: u64) -> sp_runtime::DispatchResult {
    SubtensorModule::add_stake(signed(coldkey), OWNER_HOTKEY, NETUID, amount)
}

fn remove(coldkey: u64, amount: u64) -> sp_runtime::DispatchResult {
    SubtensorModule::remove_stake(signed(coldkey), OWNER_HOTKEY, NETUID, amount)
}

fn staked(coldkey: u64, hotkey: u64, netuid: NetUid) -> u64 {
    SubtensorModule::stake_of(&hotkey, &coldkey, netuid)
}

#[test]
fn stake_leaves_the_balance_and_comes_back_whole() {
    ExtBuilder::default().with_subnet(|| {
        events();
        assert_ok!(add(ALICE, 10 * TAO));
        assert_eq!(Balances::balance(&ALICE), FUNDS - 10 * TAO);
        assert_eq!(staked(ALICE, OWNER_HOTKEY, NETUID), 10 * TAO);
        assert_eq!(SubnetTAO::<Test>::get(NETUID), 10 * TAO);
        assert_eq!(TotalStake::<Test>::get(), 10 * TAO);
        assert_eq!(StakingHotkeys::<Test>::get(ALICE), [OWNER_HOTKEY]);
        assert_eq!(events(), [Event::StakeAdded(ALICE, OWNER_HOTKEY, 10 * TAO, 10 * TAO, NETUID, 0)]);
        assert_ok!(remove(ALICE, 4 * TAO));
        assert_eq!(events(), [Event::StakeRemoved(ALICE, OWNER_HOTKEY, 4 * TAO, 4 * TAO, NETUID, 0)]);
        assert_ok!(remove(ALICE, 6 * TAO));
        assert_eq!(Balances::balance(&ALICE), FUNDS);
        assert_eq!(TotalStake::<Test>::get(), 0);
        assert!(!Alpha::<Test>::contains_key((OWNER_HOTKEY, ALICE, NETUID)));
        assert_eq!(SubnetVolume::<Test>::get(NETUID), 20 * u128::from(TAO));
        assert_eq!(TotalIssuance::<Test>::get(), 3 * FUNDS);
    });
}

#[test]
fn adding_is_refused_for_a_reason() {
    ExtBuilder::default().build_and_execute(|| {
        assert_noop!(add(ALICE, TAO), Error::<Test>::SubnetNotExists);
        assert_ok!(SubtensorModule::register_network(signed(OWNER), OWNER_HOTKEY));
        assert_noop!(add(ALICE, TAO), Error::<Test>::SubtokenDisabled);
        assert_ok!(SubtensorModule::start_call(signed(OWNER), NETUID));
        assert_noop!(add(ALICE, 1_999_999), Error::<Test>::AmountTooLow);
        assert_noop!(add(POOR, TAO), Error::<Test>::NotEnoughBalanceToStake);
        assert_noop!(add(ALICE, FUNDS), Error::<Test>::NotEnoughBalanceToStake);
        let unknown = SubtensorModule::add_stake(signed(ALICE), HOTKEY, NETUID, TAO);
        assert_eq!(unknown, Err(Error::<Test>::HotKeyAccountNotExists.into()));
        assert_ok!(add(ALICE, 2_000_000));
    });
}

#[test]
fn removing_is_refused_for_a_reason() {
    ExtBuilder::default().with_subnet(|| {
        assert_ok!(add(ALICE, TAO));
        assert_noop!(remove(ALICE, 0), Error::<Test>::AmountTooLow);
        assert_noop!(remove(ALICE, 1_999_999), Error::<Test>::AmountTooLow);
        assert_noop!(remove(ALICE, TAO + 1), Error::<Test>::NotEnoughStakeToWithdraw);
        assert_noop!(remove(BOB, TAO), Error::<Test>::NotEnoughStakeToWithdraw);
        let from = |hotkey, netuid| SubtensorModule::remove_stake(signed(ALICE), hotkey, netuid, TAO);
        assert_noop!(from(HOTKEY, NETUID), Error::<Test>::HotKeyAccountNotExists);
        assert_noop!(from(OWNER_HOTKEY, 7), Error::<Test>::SubnetNotExists);
        assert_noop!(from(OWNER_HOTKEY, ROOT), Error::<Test>::SubtokenDisabled);
        assert_ok!(remove(ALICE, TAO - 1));
        // What is left is less than the least, and can be taken all the same.
        assert_ok!(remove(ALICE, 1));
    });
}

#[test]
fn an_alpha_costs_a_tao() {
    ExtBuilder::default().with_subnet(|| {
        let add = |limit| SubtensorModule::add_stake_limit(signed(ALICE), OWNER_HOTKEY, NETUID, TAO, limit, false);
        let remove = |limit| SubtensorModule::remove_stake_limit(signed(ALICE), OWNER_HOTKEY, NETUID, TAO, limit, true);
        assert_noop!(add(TAO - 1), Error::<Test>::SlippageTooHigh);
        assert_ok!(add(TAO));
        assert_noop!(remove(TAO + 1), Error::<Test>::SlippageTooHigh);
        assert_ok!(remove(TAO));
    });
}

#[test]
fn all_stake_comes_back_at_once() {
    ExtBuilder::default().with_subnet(|| {
        start_subnet(OWNER_HOTKEY);
        assert_ok!(add(ALICE, TAO));
        assert_ok!(SubtensorModule::add_stake(signed(ALICE), OWNER_HOTKEY, 2, TAO));
        assert_noop!(SubtensorModule::unstake_all(signed(ALICE), HOTKEY), Error::<Test>::HotKeyAccountNotExists);
        assert_ok!(SubtensorModule::unstake_all(signed(ALICE), OWNER_HOTKEY));
        assert_eq!(Balances::balance(&ALICE), FUNDS);
        assert!(SubtensorModule::stakes_of(&ALICE).is_empty());
    });
}

#[test]
fn stake_moves_between_hotkeys_subnets_and_coldkeys() {
    ExtBuilder::default().with_subnet(|| {
        start_subnet(OWNER_HOTKEY);
        neuron(ALICE, HOTKEY);
        assert_ok!(add(ALICE, 9 * TAO));
        events();
        assert_ok!(SubtensorModule::move_stake(signed(ALICE), OWNER_HOTKEY, HOTKEY, NETUID, 2, 3 * TAO));
        assert_eq!(staked(ALICE, HOTKEY, 2), 3 * TAO);
        assert_ok!(SubtensorModule::swap_stake(signed(ALICE), OWNER_HOTKEY, NETUID, 2, 2 * TAO));
        assert_eq!(staked(ALICE, OWNER_HOTKEY, 2), 2 * TAO);
        assert_ok!(SubtensorModule::transfer_stake(signed(ALICE), BOB, OWNER_HOTKEY, NETUID, NETUID, TAO));
        assert_eq!(staked(BOB, OWNER_HOTKEY, NETUID), TAO);
        assert_eq!(staked(ALICE, OWNER_HOTKEY, NETUID), 3 * TAO);
        let expected = [
            Event::StakeMoved(ALICE, OWNER_HOTKEY, NETUID, HOTKEY, 2, 3 * TAO),
            Event::StakeSwapped(ALICE, OWNER_HOTKEY, NETUID, 2, 2 * TAO),
            Event::StakeTransferred(ALICE, BOB, OWNER_HOTKEY, NETUID, NETUID, TAO),
        ];
        assert_eq!(events(), expected);
    });
}

#[test]
fn moving_is_refused_for_a_reason() {
    ExtBuilder::default().with_subnet(|| {
        start_subnet(OWNER_HOTKEY);
        assert_ok!(add(ALICE, 9 * TAO));
        let to = |hotkey, netuid, amount| {
            SubtensorModule::move_stake(signed(ALICE), OWNER_HOTKEY, hotkey, NETUID, netuid, amount)
        };
        assert_noop!(to(OWNER_HOTKEY, NETUID, TAO), Error::<Test>::SameNetuid);
        assert_noop!(to(OWNER_HOTKEY, 7, TAO), Error::<Test>::SubnetNotExists);
        assert_noop!(to(OWNER_HOTKEY, ROOT, TAO), Error::<Test>::SubtokenDisabled);
        assert_noop!(to(HOTKEY, NETUID, TAO), Error::<Test>::HotKeyAccountNotExists);
        assert_noop!(to(OWNER_HOTKEY, 2, 10 * TAO), Error::<Test>::NotEnoughStakeToWithdraw);
        assert_noop!(to(OWNER_HOTKEY, 2, 1), Error::<Test>::AmountTooLow);
        TransferToggle::<Test>::insert(NETUID, false);
        let give = SubtensorModule::transfer_stake(signed(ALICE), BOB, OWNER_HOTKEY, NETUID, NETUID, TAO);
        assert_eq!(give, Err(Error::<Test>::TransferDisallowed.into()));
        assert_ok!(to(OWNER_HOTKEY, 2, TAO));
    });
}

#[test]
fn dividends_reach_all_stakers_of_a_hotkey() {
    ExtBuilder::default().with_subnet(|| {
        assert_ok!(add(ALICE, 3 * TAO));
        assert_ok!(add(BOB, TAO));
        SubtensorModule::credit_stakers(&OWNER_HOTKEY, NETUID, 4 * TAO);
        SubtensorModule::hold(NETUID, 4 * TAO);
        TotalIssuance::<Test>::mutate(|issued| *issued += 4 * TAO);
        assert_eq!(staked(ALICE, OWNER_HOTKEY, NETUID), 6 * TAO);
        assert_eq!(staked(BOB, OWNER_HOTKEY, NETUID), 2 * TAO);
        // Who comes later buys at the pool's worth.
        assert_ok!(add(OWNER, 5 * TAO));
        assert_eq!(staked(OWNER, OWNER_HOTKEY, NETUID), 5 * TAO);
        assert_ok!(remove(ALICE, 6 * TAO));
        assert_eq!(staked(BOB, OWNER_HOTKEY, NETUID), 2 * TAO);
    });
}
