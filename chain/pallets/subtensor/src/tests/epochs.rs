//! Epochs: when they run, what they store.

use frame_support::{assert_noop, assert_ok};

use super::mock::*;

#[test]
fn an_epoch_runs_every_tempo() {
    ExtBuilder::default().with_subnet(|| {
        // Registered in block 1, a block early by its number.
        assert_eq!(SubtensorModule::next_epoch_block(NETUID), Some(20));
        run_epoch(NETUID);
        assert_eq!(System::block_number(), 20);
        assert_eq!(LastEpochBlock::<Test>::get(NETUID), 20);
        assert_eq!(LastMechansimStepBlock::<Test>::get(NETUID), 20);
        assert_eq!(BlocksSinceLastStep::<Test>::get(NETUID), 0);
        run_epoch(NETUID);
        assert_eq!(System::block_number(), 40);
        assert_eq!(SubnetEpochIndex::<Test>::get(NETUID), 2);
    });
}

#[test]
fn epochs_wait_when_a_block_has_enough_of_them() {
    ExtBuilder::default().with(|genesis| genesis.max_epochs_per_block = 1).with_subnet(|| {
        start_subnet(HOTKEY);
        LastEpochBlock::<Test>::insert(2, LastEpochBlock::<Test>::get(NETUID));
        run_epoch(NETUID);
        assert_eq!(SubnetEpochIndex::<Test>::get(2), 0);
        assert!(events().contains(&Event::EpochDeferred { netuid: 2, from_block: 20, to_block: 21 }));
        advance(1);
        assert_eq!(SubnetEpochIndex::<Test>::get(2), 1);
        assert_eq!(PendingEpochAt::<Test>::get(2), 0);
    });
}

#[test]
fn no_epochs_without_a_tempo() {
    ExtBuilder::default().with_subnet(|| {
        SubtensorModule::apply_tempo(NETUID, 0);
        advance(100);
        assert_eq!(SubnetEpochIndex::<Test>::get(NETUID), 0);
    });
}

#[test]
fn permits_go_to_the_most_stake() {
    ExtBuilder::default().with_subnet(|| {
        for (hotkey, amount) in [(HOTKEY, 5), (OTHER_HOTKEY, 7), (103, 3), (104, 0)] {
            neuron(ALICE, hotkey);
            if amount > 0 {
                stake(ALICE, hotkey, amount * TAO);
            }
        }
        MaxAllowedValidators::<Test>::insert(NETUID, 2);
        run_epoch(NETUID);
        // The owner's always, then the two largest.
        assert_eq!(ValidatorPermit::<Test>::get(NETUID), [true, true, true, false, false]);
        stake(ALICE, 103, 100 * TAO);
        run_epoch(NETUID);
        assert_eq!(ValidatorPermit::<Test>::get(NETUID), [true, false, true, true, false]);
    });
}

#[test]
fn consensus_of_validators_pays_the_miner_they_agree_on() {
    ExtBuilder::default().with_subnet(|| {
        weights_directly();
        let (first, second) = (neuron(ALICE, HOTKEY), neuron(BOB, OTHER_HOTKEY));
        let (good, bad) = (neuron(ALICE, 103), neuron(BOB, 104));
        stake(ALICE, HOTKEY, 60 * TAO);
        stake(BOB, OTHER_HOTKEY, 50 * TAO);
        run_epoch(NETUID);
        weigh(HOTKEY, &[(good, 1)]);
        weigh(OTHER_HOTKEY, &[(good, 1), (bad, 1)]);
        run_epoch(NETUID);
        let incentive = Incentive::<Test>::get(NETUID);
        assert_eq!(incentive[usize::from(good)], 65_535);
        assert_eq!(incentive[usize::from(bad)], 0);
        let dividends = Dividends::<Test>::get(NETUID);
        assert!(dividends[usize::from(first)] > dividends[usize::from(second)]);
        let trust = ValidatorTrust::<Test>::get(NETUID);
        assert_eq!(trust[usize::from(first)], 65_535);
        assert!(trust[usize::from(second)] < 65_535);
        assert_eq!(Active::<Test>::get(NETUID), [true; 5]);
        assert_eq!(Bonds::<Test>::iter_prefix(NETUID).count(), 2);
    });
}

#[test]
fn losing_the_permit_clears_the_bonds() {
    ExtBuilder::default().with_subnet(|| {
        weights_directly();
        MaxAllowedValidators::<Test>::insert(NETUID, 1);
        neuron(ALICE, HOTKEY);
        neuron(BOB, OTHER_HOTKEY);
        stake(ALICE, HOTKEY, 60 * TAO);
        run_epoch(NETUID);
        weigh(HOTKEY, &[(2, 1)]);
        run_epoch(NETUID);
        assert!(!Bonds::<Test>::get(NETUID, 1).is_empty());
        stake(BOB, OTHER_HOTKEY, 1_000 * TAO);
        run_epoch(NETUID);
        assert!(Bonds::<Test>::get(NETUID, 1).is_empty());
    });
}

#[test]
fn weights_committed_before_a_uid_changed_hands_do_not_count_on_it() {
    ExtBuilder::default().with_subnet(|| {
        neuron(ALICE, HOTKEY);
        neuron(ALICE, OTHER_HOTKEY);
        stake(ALICE, HOTKEY, 60 * TAO);
        run_epoch(NETUID);
        let commit = sp_core::H256::repeat_byte(1);
        assert_ok!(SubtensorModule::commit_weights(signed(HOTKEY), NETUID, commit));
        Weights::<Test>::insert(NETUID, 1, vec![(2, 65_535)]);
        LastUpdate::<Test>::mutate(NETUID, |all| all[1] += 2);
        BlockAtRegistration::<Test>::insert(NETUID, 2, System::block_number() + 1);
        run_epoch(NETUID);
        assert_eq!(Incentive::<Test>::get(NETUID), [0, 0, 0]);
    });
}

#[test]
fn the_owner_triggers_an_epoch() {
    ExtBuilder::default().with(|genesis| genesis.admin_freeze_window = 3).with_subnet(|| {
        OwnerHyperparamRateLimit::<Test>::put(1);
        let trigger = |who| SubtensorModule::trigger_epoch(signed(who), NETUID);
        assert_noop!(trigger(ALICE), Error::<Test>::NotSubnetOwner);
        assert_noop!(trigger(OWNER), Error::<Test>::DynamicTempoBlockedByCommitReveal);
        weights_directly();
        events();
        assert_ok!(trigger(OWNER));
        assert_eq!(events(), [Event::EpochTriggered { netuid: NETUID, by: OWNER, fires_at: 4 }]);
        assert_noop!(trigger(OWNER), Error::<Test>::EpochTriggerAlreadyPending);
        run_epoch(NETUID);
        assert_eq!(System::block_number(), 4);
        assert_noop!(trigger(OWNER), Error::<Test>::TxRateLimitExceeded);
        advance(18);
        assert_noop!(trigger(OWNER), Error::<Test>::AutoEpochAlreadyImminent);
    });
}
