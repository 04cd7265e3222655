//! Emission: minted, split, paid.

use frame_support::{
    assert_ok,
    traits::{
        fungible::{Inspect, Mutate},
        tokens::Preservation,
    },
};

use super::mock::*;

fn staked(coldkey: u64, hotkey: u64) -> u64 {
    SubtensorModule::stake_of(&hotkey, &coldkey, NETUID)
}

/// What a subnet would pay if its epoch ran now.
fn pending(netuid: NetUid) -> u64 {
    SubtensorModule::pots(netuid).total()
}

#[test]
fn nothing_is_minted_before_a_subnet_starts() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(SubtensorModule::register_network(signed(OWNER), OWNER_HOTKEY));
        advance(5);
        assert_eq!(TotalIssuance::<Test>::get(), 3 * FUNDS);
        assert_ok!(SubtensorModule::start_call(signed(OWNER), NETUID));
        advance(2);
        assert_eq!(TotalIssuance::<Test>::get(), 3 * FUNDS + 2 * TAO);
        assert_eq!(BlockEmission::<Test>::get(), TAO);
    });
}

#[test]
fn a_block_is_split_exactly_among_subnets_and_pots() {
    ExtBuilder::default().with_subnet(|| {
        start_subnet(HOTKEY);
        start_subnet(OTHER_HOTKEY);
        advance(1);
        assert_eq!([1, 2, 3].map(pending), [333_333_334, 333_333_333, 333_333_333]);
        assert_eq!([1, 2, 3].map(SubnetTaoInEmission::<Test>::get), [333_333_334, 333_333_333, 333_333_333]);
        let pots = SubtensorModule::pots(2);
        assert_eq!((pots.owner, pots.server, pots.validator), (59_998_474, 136_667_429, 136_667_430));
    });
}

#[test]
fn a_subnet_that_is_closed_or_switched_off_gets_nothing() {
    ExtBuilder::default().with_subnet(|| {
        start_subnet(HOTKEY);
        SubnetEmissionEnabled::<Test>::insert(2, false);
        advance(1);
        assert_eq!([1, 2].map(pending), [TAO, 0]);
        NetworkRegistrationAllowed::<Test>::insert(NETUID, false);
        advance(1);
        assert_eq!(TotalIssuance::<Test>::get(), 3 * FUNDS + TAO);
        assert_eq!(SubnetTaoInEmission::<Test>::get(NETUID), 0);
    });
}

#[test]
fn an_owner_can_do_without_the_cut() {
    ExtBuilder::default().with_subnet(|| {
        OwnerCutEnabled::<Test>::insert(NETUID, false);
        advance(1);
        assert_eq!(PendingOwnerCut::<Test>::get(NETUID), 0);
        assert_eq!(PendingServerEmission::<Test>::get(NETUID), TAO / 2);
    });
}

#[test]
fn emission_halves_by_issuance_and_ends_at_21_million() {
    ExtBuilder::default().with_subnet(|| {
        let issue_up_to = |target: u64| {
            let missing = target - TotalIssuance::<Test>::get();
            Balances::mint_into(&BOB, missing).unwrap();
            TotalIssuance::<Test>::put(target);
        };
        issue_up_to(10_500_000 * TAO);
        advance(1);
        assert_eq!(TotalIssuance::<Test>::get(), 10_500_000 * TAO + TAO / 2);
        issue_up_to(economy::MAX_SUPPLY_RAO - 1);
        advance(3);
        assert!(TotalIssuance::<Test>::get() <= economy::MAX_SUPPLY_RAO);
        issue_up_to(economy::MAX_SUPPLY_RAO);
        advance(1);
        assert_eq!(TotalIssuance::<Test>::get(), economy::MAX_SUPPLY_RAO);
    });
}

#[test]
fn an_epoch_pays_out_what_was_minted_for_it() {
    ExtBuilder::default().with_subnet(|| {
        weights_directly();
        neuron(ALICE, HOTKEY);
        neuron(BOB, OTHER_HOTKEY);
        stake(ALICE, HOTKEY, 60 * TAO);
        run_epoch(NETUID);
        weigh(HOTKEY, &[(2, 1)]);
        run_epoch(NETUID);
        // Every pot is empty, and all that was minted is stake.
        assert_eq!(pending(NETUID), 0);
        let blocks = System::block_number() - 1;
        assert_eq!(TotalStake::<Test>::get(), 60 * TAO + blocks * TAO);
        // The last epoch: 41 % to the miner, 41 % to the validator, 18 % and the dust to the owner.
        let epoch = 20 * TAO;
        let miner = staked(BOB, OTHER_HOTKEY);
        assert!(miner.abs_diff(epoch * 41 / 100) < epoch / 10_000, "{miner}");
        assert_eq!(Emission::<Test>::get(NETUID)[2], miner);
    });
}

#[test]
fn without_incentive_validators_get_both_pots() {
    ExtBuilder::default().with_subnet(|| {
        neuron(ALICE, HOTKEY);
        stake(ALICE, HOTKEY, 60 * TAO);
        advance(18);
        let pots = SubtensorModule::pots(NETUID);
        let last = economy::split_block(TAO, SubnetOwnerCut::<Test>::get());
        run_epoch(NETUID);
        let all = pots.plus(&last);
        assert_eq!(System::block_number(), 20);
        let paid = staked(ALICE, HOTKEY) - 60 * TAO;
        assert!(all.epoch_emission() - paid <= 2, "{paid}");
        assert_eq!(staked(OWNER, OWNER_HOTKEY), all.total() - paid);
    });
}

#[test]
fn with_nobody_to_pay_the_pots_wait() {
    ExtBuilder::default().with_subnet(|| {
        run_epoch(NETUID);
        let minted = 19 * TAO;
        let cut = staked(OWNER, OWNER_HOTKEY);
        assert_eq!(pending(NETUID), minted - cut);
        assert_eq!(PendingOwnerCut::<Test>::get(NETUID), 0);
        neuron(ALICE, HOTKEY);
        stake(ALICE, HOTKEY, TAO);
        run_epoch(NETUID);
        assert_eq!(pending(NETUID), 0);
    });
}

#[test]
fn delegators_get_their_share_after_the_take() {
    ExtBuilder::default().with_subnet(|| {
        neuron(ALICE, HOTKEY);
        stake(ALICE, HOTKEY, 30 * TAO);
        stake(BOB, HOTKEY, 10 * TAO);
        Delegates::<Test>::insert(HOTKEY, 6_553);
        run_epoch(NETUID);
        let dividends = AlphaDividendsPerSubnet::<Test>::get(NETUID, HOTKEY);
        let bob = staked(BOB, HOTKEY) - 10 * TAO;
        let alice = staked(ALICE, HOTKEY) - 30 * TAO;
        assert!(bob.abs_diff(dividends / 4) <= 1, "{bob} of {dividends}");
        let take = alice + bob - dividends;
        assert!(take.abs_diff((dividends + take) / 10) < (dividends + take) / 10_000, "{take}");
    });
}

#[test]
fn the_owners_cut_goes_to_the_owner_hotkey() {
    ExtBuilder::default().with_subnet(|| {
        neuron(OWNER, HOTKEY);
        SubnetOwnerHotkey::<Test>::insert(NETUID, HOTKEY);
        run_epoch(NETUID);
        assert_eq!(staked(OWNER, OWNER_HOTKEY), 0);
        let cut = staked(OWNER, HOTKEY);
        assert!(cut.abs_diff(19 * TAO * 18 / 100) < TAO / 1_000, "{cut}");
    });
}

#[test]
fn the_dust_of_an_account_can_be_minted_again() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(Balances::transfer(&ALICE, &POOR, 700, Preservation::Preserve));
        assert_ok!(Balances::transfer(&POOR, &BOB, 600, Preservation::Expendable));
        assert_eq!(Balances::balance(&POOR), 0);
        assert_eq!(TotalIssuance::<Test>::get(), 3 * FUNDS - 100);
    });
}
