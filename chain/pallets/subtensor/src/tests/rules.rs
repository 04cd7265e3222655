//! Rules of the epoch beyond Bittensor's: off, nothing changes; on, each does what it says.

use codec::Encode;
use frame_support::assert_ok;
use sp_runtime::traits::{BlakeTwo256, Hash};

use super::mock::*;

fn rules(rules: EpochRuleSet) {
    EpochRules::<Test>::insert(NETUID, rules);
}

fn averaged() {
    rules(EpochRuleSet { average_stake: true, ..Default::default() });
}

/// Each uid's share of the stake, of 65,535.
fn stake_weights() -> Vec<u16> {
    StakeWeight::<Test>::get(NETUID)
}

#[test]
fn stake_counts_by_its_average() {
    ExtBuilder::default().with_subnet(|| {
        averaged();
        neuron(ALICE, HOTKEY);
        neuron(BOB, OTHER_HOTKEY);
        stake(ALICE, HOTKEY, 1_000 * TAO);
        run_epoch(NETUID);
        // Epochs begin at blocks 0 and 20: stake of block 1 counts 19 of 20 blocks, and there is no other.
        assert_eq!(stake_weights(), [0, 65_535, 0]);
        advance(19);
        stake(BOB, OTHER_HOTKEY, 19_000 * TAO);
        run_epoch(NETUID);
        // 1,000 TAO all the time, besides what the first epoch paid, against 19,000 TAO for a block of twenty.
        let [owner, alice, bob] = stake_weights().try_into().unwrap();
        assert!((31_000..32_000).contains(&bob), "{bob}");
        assert!(alice > bob && owner < 700);
        run_epoch(NETUID);
        assert!(stake_weights()[2] > 60_000, "a whole epoch counts whole");
    });
}

#[test]
fn stake_that_comes_and_goes_within_an_epoch_counts_for_its_blocks() {
    ExtBuilder::default().with_subnet(|| {
        averaged();
        neuron(ALICE, HOTKEY);
        neuron(BOB, OTHER_HOTKEY);
        stake(ALICE, HOTKEY, 1_000 * TAO);
        run_epoch(NETUID);
        stake(BOB, OTHER_HOTKEY, 1_000 * TAO);
        advance(10);
        assert_ok!(SubtensorModule::remove_stake(signed(BOB), OTHER_HOTKEY, NETUID, 1_000 * TAO));
        assert_eq!(StakeIntegral::<Test>::get(NETUID, OTHER_HOTKEY), Some((10_000 * u128::from(TAO), 30)));
        run_epoch(NETUID);
        let bob = stake_weights()[2];
        assert!((21_000..22_000).contains(&bob), "{bob}: half of the stake, for half of the time");
        assert_eq!(StakeIntegral::<Test>::iter_prefix(NETUID).count(), 0);
    });
}

#[test]
fn without_the_rule_nothing_is_kept() {
    ExtBuilder::default().with_subnet(|| {
        neuron(ALICE, HOTKEY);
        stake(ALICE, HOTKEY, 1_000 * TAO);
        run_epoch(NETUID);
        assert_eq!(StakeIntegral::<Test>::iter_prefix(NETUID).count(), 0);
        assert_eq!(ConsensusVolatility::<Test>::get(NETUID), 0);
        assert_eq!(RevealPeriodEpochs::<Test>::get(NETUID), 1);
    });
}

#[test]
fn dust_waits_for_the_next_epoch() {
    ExtBuilder::default().with_subnet(|| {
        rules(EpochRuleSet { carry_dust: true, ..Default::default() });
        for (coldkey, hotkey, amount) in [(ALICE, HOTKEY, 3), (BOB, OTHER_HOTKEY, 4), (ALICE, 103, 7)] {
            neuron(coldkey, hotkey);
            stake(coldkey, hotkey, amount * TAO);
        }
        run_epoch(NETUID);
        let carried = SubtensorModule::pots(NETUID);
        assert_eq!((carried.owner, carried.server), (0, 0));
        assert!((1..10).contains(&carried.validator), "{carried:?}");
        run_epoch(NETUID);
        assert!(SubtensorModule::pots(NETUID).validator < 30, "the old dust is paid, the new one waits");
    });
}

#[test]
fn the_reveal_period_adapts_and_a_commit_keeps_its_own() {
    ExtBuilder::default().with_subnet(|| {
        neuron(ALICE, HOTKEY);
        neuron(BOB, OTHER_HOTKEY);
        stake(ALICE, HOTKEY, 1_000 * TAO);
        rules(EpochRuleSet { reveal_target: 65_535, ..Default::default() });
        run_epoch(NETUID);
        // Nothing has ever moved: the longest period that ten waiting commits allow.
        assert_eq!(RevealPeriodEpochs::<Test>::get(NETUID), 9);
        assert_ok!(SubtensorModule::commit_weights(signed(HOTKEY), NETUID, hash(1)));
        assert_eq!(WeightCommits::<Test>::get(NETUID, HOTKEY).unwrap()[0].3, 9);
        RevealPeriodEpochs::<Test>::insert(NETUID, 1);
        for _ in 0..9 {
            assert_eq!(reveal(1), Err(Error::<Test>::RevealTooEarly.into()));
            run_epoch(NETUID);
        }
        assert_ok!(reveal(1));
        run_epoch(NETUID);
        // All weight went to one miner: an eighth of the whole on average, so eight epochs move the whole.
        assert_eq!(ConsensusVolatility::<Test>::get(NETUID), 1 << 29);
        assert_eq!(RevealPeriodEpochs::<Test>::get(NETUID), 8);
    });
}

fn hash(salt: u16) -> sp_core::H256 {
    BlakeTwo256::hash(&(HOTKEY, NETUID, vec![2_u16], vec![1_u16], vec![salt], 0_u64).encode())
}

fn reveal(salt: u16) -> sp_runtime::DispatchResult {
    SubtensorModule::reveal_weights(signed(HOTKEY), NETUID, vec![2], vec![1], vec![salt], 0)
}

#[test]
fn who_supports_less_of_the_consensus_holds_fewer_bonds() {
    ExtBuilder::default().with_subnet(|| {
        weights_directly();
        let validators = [(ALICE, HOTKEY), (BOB, OTHER_HOTKEY), (ALICE, 103)];
        for (coldkey, hotkey) in validators {
            neuron(coldkey, hotkey);
            stake(coldkey, hotkey, 1_000 * TAO);
        }
        let (good, other) = (neuron(ALICE, 104), neuron(BOB, 105));
        run_epoch(NETUID);
        for hotkey in [HOTKEY, OTHER_HOTKEY] {
            weigh(hotkey, &[(good, 3), (other, 1)]);
        }
        weigh(103, &[(other, 1)]); // it withholds everything from the better miner
        let dividends = |deviation_cost| {
            rules(EpochRuleSet { deviation_cost, ..Default::default() });
            let params = SubtensorModule::epoch_params(NETUID);
            assert_eq!(params.deviation_cost, deviation_cost);
            run_epoch(NETUID);
            Dividends::<Test>::get(NETUID)[3]
        };
        let free = dividends(0);
        for uid in 0..6 {
            Bonds::<Test>::remove(NETUID, uid);
        }
        assert!(dividends(65_535) < free);
    });
}

#[test]
fn revealed_weights_miss_whoever_took_the_uid_since_they_were_committed() {
    let incentive_of_a_taker = |dated_weights| {
        let mut earned = 0;
        ExtBuilder::default().with_subnet(|| {
            rules(EpochRuleSet { dated_weights, ..Default::default() });
            neuron(ALICE, HOTKEY);
            neuron(BOB, OTHER_HOTKEY);
            stake(ALICE, HOTKEY, 1_000 * TAO);
            run_epoch(NETUID);
            assert_ok!(SubtensorModule::commit_weights(signed(HOTKEY), NETUID, hash(2)));
            advance(1);
            BlockAtRegistration::<Test>::insert(NETUID, 2, System::block_number());
            run_epoch(NETUID);
            assert_ok!(reveal(2));
            // The next commit moves the last update on, past the newcomer's registration.
            assert_ok!(SubtensorModule::commit_weights(signed(HOTKEY), NETUID, hash(3)));
            run_epoch(NETUID);
            earned = Incentive::<Test>::get(NETUID)[2];
        });
        earned
    };
    assert_eq!(incentive_of_a_taker(false), 65_535);
    assert_eq!(incentive_of_a_taker(true), 0);
}

#[test]
fn weights_that_are_set_in_the_open_are_as_old_as_their_call() {
    ExtBuilder::default().with_subnet(|| {
        weights_directly();
        rules(EpochRuleSet { dated_weights: true, ..Default::default() });
        neuron(ALICE, HOTKEY);
        neuron(BOB, OTHER_HOTKEY);
        stake(ALICE, HOTKEY, 1_000 * TAO);
        run_epoch(NETUID);
        weigh(HOTKEY, &[(2, 1)]);
        assert_eq!(WeightsMadeAt::<Test>::get(NETUID, 1), Some(System::block_number()));
        run_epoch(NETUID);
        assert_eq!(Incentive::<Test>::get(NETUID)[2], 65_535);
    });
}
