//! Weights: set directly, or committed and revealed.

use codec::Compact;
use frame_support::{assert_noop, assert_ok};
use sp_core::H256;

use super::mock::*;
use crate::weights::WeightVector;

fn set(hotkey: u64, weights: &[(u16, u16)]) -> sp_runtime::DispatchResult {
    let (uids, values) = weights.iter().copied().unzip();
    SubtensorModule::set_weights(signed(hotkey), NETUID, uids, values, 0)
}

fn hash(hotkey: u64, weights: &[(u16, u16)], salt: &[u16]) -> H256 {
    let (uids, values) = weights.iter().copied().unzip();
    SubtensorModule::commit_hash(&hotkey, NETUID, &WeightVector { uids, values, version_key: 0 }, salt)
}

fn commit(hotkey: u64, weights: &[(u16, u16)], salt: &[u16]) -> sp_runtime::DispatchResult {
    SubtensorModule::commit_weights(signed(hotkey), NETUID, hash(hotkey, weights, salt))
}

fn reveal(hotkey: u64, weights: &[(u16, u16)], salt: &[u16]) -> sp_runtime::DispatchResult {
    let (uids, values) = weights.iter().copied().unzip();
    SubtensorModule::reveal_weights(signed(hotkey), NETUID, uids, values, salt.to_vec(), 0)
}

fn stored(uid: u16) -> Vec<(u16, u16)> {
    Weights::<Test>::get(NETUID, uid)
}

/// The owner, and two neurons of ALICE of which the first has a permit.
fn three_neurons() {
    neuron(ALICE, HOTKEY);
    neuron(ALICE, OTHER_HOTKEY);
    ValidatorPermit::<Test>::insert(NETUID, vec![false, true, false]);
}

#[test]
fn weights_are_scaled_to_their_largest() {
    ExtBuilder::default().with_subnet(|| {
        three_neurons();
        weights_directly();
        advance(3);
        events();
        assert_ok!(set(HOTKEY, &[(2, 1), (0, 2)]));
        assert_eq!(stored(1), [(2, 32_768), (0, 65_535)]);
        assert_eq!(LastUpdate::<Test>::get(NETUID)[1], System::block_number());
        assert_eq!(events(), [Event::WeightsSet(NETUID, 1)]);
    });
}

#[test]
fn weights_are_refused_for_a_reason() {
    ExtBuilder::default().with_subnet(|| {
        three_neurons();
        assert_noop!(set(HOTKEY, &[(0, 1)]), Error::<Test>::CommitRevealEnabled);
        weights_directly();
        let raw = |netuid, uids: &[u16], values: &[u16], version| {
            SubtensorModule::set_weights(signed(HOTKEY), netuid, uids.to_vec(), values.to_vec(), version)
        };
        CommitRevealWeightsEnabled::<Test>::insert(ROOT, false);
        CommitRevealWeightsEnabled::<Test>::insert(7, false);
        assert_noop!(raw(ROOT, &[0], &[1], 0), Error::<Test>::CanNotSetRootNetworkWeights);
        assert_noop!(raw(NETUID, &[0, 1], &[1], 0), Error::<Test>::WeightVecNotEqualSize);
        assert_noop!(raw(7, &[0], &[1], 0), Error::<Test>::SubnetNotExists);
        let mechanism = SubtensorModule::set_mechanism_weights(signed(HOTKEY), NETUID, 1, vec![0], vec![1], 0);
        assert_eq!(mechanism, Err(Error::<Test>::MechanismDoesNotExist.into()));
        assert_noop!(raw(NETUID, &[0, 1, 2, 0], &[1; 4], 0), Error::<Test>::UidsLengthExceedUidsInSubNet);
        assert_noop!(set(200, &[(0, 1)]), Error::<Test>::HotKeyNotRegisteredInSubNet);
        StakeThreshold::<Test>::put(TAO);
        assert_noop!(set(HOTKEY, &[(0, 1)]), Error::<Test>::NotEnoughStakeToSetWeights);
        stake(ALICE, HOTKEY, TAO);
        WeightsVersionKey::<Test>::insert(NETUID, 5);
        assert_noop!(raw(NETUID, &[0], &[1], 4), Error::<Test>::IncorrectWeightVersionKey);
        WeightsSetRateLimit::<Test>::insert(NETUID, 1);
        assert_noop!(raw(NETUID, &[0], &[1], 5), Error::<Test>::SettingWeightsTooFast);
        WeightsSetRateLimit::<Test>::insert(NETUID, 0);
        WeightsVersionKey::<Test>::remove(NETUID);
        StakeThreshold::<Test>::kill();
        assert_noop!(set(OTHER_HOTKEY, &[(0, 1)]), Error::<Test>::NeuronNoValidatorPermit);
        assert_noop!(set(HOTKEY, &[(0, 1), (0, 2)]), Error::<Test>::DuplicateUids);
        assert_noop!(set(HOTKEY, &[(0, 1), (3, 2)]), Error::<Test>::UidVecContainInvalidOne);
        MinAllowedWeights::<Test>::insert(NETUID, 2);
        assert_noop!(set(HOTKEY, &[(0, 1)]), Error::<Test>::WeightVecLengthIsLow);
        assert_ok!(set(HOTKEY, &[(0, 1), (2, 1)]));
    });
}

#[test]
fn oneself_alone_and_the_owner_need_no_permit() {
    ExtBuilder::default().with_subnet(|| {
        three_neurons();
        weights_directly();
        MinAllowedWeights::<Test>::insert(NETUID, 2);
        assert_ok!(set(OTHER_HOTKEY, &[(2, 7)]));
        assert_eq!(stored(2), [(2, 65_535)]);
        StakeThreshold::<Test>::put(TAO);
        assert_ok!(set(OWNER_HOTKEY, &[(1, 1), (2, 1)]));
    });
}

#[test]
fn a_rate_limit_lies_between_two_weights() {
    ExtBuilder::default().with(|genesis| genesis.subnets.weights_rate_limit = 10).with_subnet(|| {
        three_neurons();
        stake(ALICE, HOTKEY, TAO);
        weights_directly();
        advance(10);
        assert_ok!(set(HOTKEY, &[(0, 1)]));
        advance(9);
        assert_noop!(set(HOTKEY, &[(0, 1)]), Error::<Test>::SettingWeightsTooFast);
        advance(1);
        assert_ok!(set(HOTKEY, &[(0, 1)]));
    });
}

#[test]
fn a_batch_goes_on_after_a_failure() {
    ExtBuilder::default().with_subnet(|| {
        three_neurons();
        weights_directly();
        let batch = |netuids: &[u16], rows| {
            let netuids = netuids.iter().map(|netuid| Compact(*netuid)).collect();
            SubtensorModule::batch_set_weights(signed(HOTKEY), netuids, rows, vec![Compact(0), Compact(0)])
        };
        let row = vec![(Compact(0), Compact(1))];
        assert_noop!(batch(&[NETUID], vec![row.clone(); 2]), Error::<Test>::InputLengthsUnequal);
        events();
        assert_ok!(batch(&[7, NETUID], vec![row.clone(), row]));
        assert_eq!(stored(1), [(0, 65_535)]);
        let refused = Error::<Test>::CommitRevealEnabled.into();
        let expected = [
            Event::WeightsSet(NETUID, 1),
            Event::BatchCompletedWithErrors(),
            Event::BatchWeightItemFailed(7, refused),
            Event::BatchWeightsCompleted(vec![Compact(7), Compact(NETUID)], HOTKEY),
        ];
        assert_eq!(events(), expected);
    });
}

#[test]
fn a_commit_is_revealed_an_epoch_later() {
    ExtBuilder::default().with_subnet(|| {
        three_neurons();
        // Epochs would take the permit that nobody's stake has earned.
        stake(ALICE, HOTKEY, TAO);
        run_epoch(NETUID);
        let row = [(0, 1), (2, 3)];
        assert_ok!(commit(HOTKEY, &row, &[4, 5]));
        assert_eq!(LastUpdate::<Test>::get(NETUID)[1], System::block_number());
        assert_noop!(reveal(HOTKEY, &row, &[4, 5]), Error::<Test>::RevealTooEarly);
        run_epoch(NETUID);
        let refused = Error::<Test>::InvalidRevealCommitHashNotMatch;
        assert_noop!(reveal(HOTKEY, &row, &[4, 6]), refused);
        events();
        assert_ok!(reveal(HOTKEY, &row, &[4, 5]));
        assert_eq!(stored(1), [(0, 21_845), (2, 65_535)]);
        let expected =
            [Event::WeightsSet(NETUID, 1), Event::WeightsRevealed(HOTKEY, NETUID, hash(HOTKEY, &row, &[4, 5]))];
        assert_eq!(events(), expected);
        assert_noop!(reveal(HOTKEY, &row, &[4, 5]), Error::<Test>::NoWeightsCommitFound);
    });
}

#[test]
fn the_block_of_an_epoch_belongs_to_the_epoch_it_starts() {
    ExtBuilder::default().with_subnet(|| {
        three_neurons();
        stake(ALICE, HOTKEY, TAO);
        run_epoch(NETUID);
        assert_ok!(commit(HOTKEY, &[(0, 1)], &[]));
        let committed = WeightCommits::<Test>::get(NETUID, HOTKEY).unwrap();
        assert_eq!(committed[0].1, SubnetEpochIndex::<Test>::get(NETUID));
        assert_eq!(committed[0].2, System::block_number());
    });
}

#[test]
fn a_commit_expires_after_its_epoch() {
    ExtBuilder::default().with_subnet(|| {
        three_neurons();
        stake(ALICE, HOTKEY, TAO);
        assert_ok!(commit(HOTKEY, &[(0, 1)], &[]));
        run_epoch(NETUID);
        run_epoch(NETUID);
        assert_noop!(reveal(HOTKEY, &[(0, 1)], &[]), Error::<Test>::ExpiredWeightCommit);
        assert_noop!(reveal(HOTKEY, &[(2, 1)], &[]), Error::<Test>::NoWeightsCommitFound);
        // A new commit sweeps the expired one out.
        assert_ok!(commit(HOTKEY, &[(2, 1)], &[]));
        assert_eq!(WeightCommits::<Test>::get(NETUID, HOTKEY).unwrap().len(), 1);
    });
}

#[test]
fn commits_are_refused_for_a_reason() {
    ExtBuilder::default().with_subnet(|| {
        three_neurons();
        let on = |netuid| SubtensorModule::commit_weights(signed(HOTKEY), netuid, H256::zero());
        assert_noop!(on(7), Error::<Test>::SubnetNotExists);
        assert_noop!(commit(200, &[], &[]), Error::<Test>::HotKeyNotRegisteredInSubNet);
        let mechanism = SubtensorModule::commit_mechanism_weights(signed(HOTKEY), NETUID, 1, H256::zero());
        assert_eq!(mechanism, Err(Error::<Test>::MechanismDoesNotExist.into()));
        for _ in 0..10 {
            assert_ok!(on(NETUID));
        }
        assert_noop!(on(NETUID), Error::<Test>::TooManyUnrevealedCommits);
        WeightsSetRateLimit::<Test>::insert(NETUID, 1);
        assert_noop!(on(NETUID), Error::<Test>::CommittingWeightsTooFast);
        weights_directly();
        assert_noop!(on(NETUID), Error::<Test>::CommitRevealDisabled);
        assert_noop!(reveal(HOTKEY, &[], &[]), Error::<Test>::CommitRevealDisabled);
    });
}

#[test]
fn a_reveal_gives_older_commits_up() {
    ExtBuilder::default().with_subnet(|| {
        three_neurons();
        stake(ALICE, HOTKEY, TAO);
        assert_ok!(commit(HOTKEY, &[(0, 1)], &[1]));
        assert_ok!(commit(HOTKEY, &[(0, 1)], &[2]));
        assert_ok!(commit(HOTKEY, &[(0, 1)], &[3]));
        run_epoch(NETUID);
        assert_ok!(reveal(HOTKEY, &[(0, 1)], &[2]));
        let refused = Error::<Test>::InvalidRevealCommitHashNotMatch;
        assert_noop!(reveal(HOTKEY, &[(0, 1)], &[1]), refused);
        assert_ok!(reveal(HOTKEY, &[(0, 1)], &[3]));
    });
}

#[test]
fn several_commits_are_revealed_at_once_or_not_at_all() {
    ExtBuilder::default().with_subnet(|| {
        three_neurons();
        stake(ALICE, HOTKEY, TAO);
        let netuids = vec![Compact(NETUID), Compact(NETUID)];
        let hashes = vec![hash(HOTKEY, &[(0, 1)], &[1]), hash(HOTKEY, &[(2, 1)], &[2])];
        assert_ok!(SubtensorModule::batch_commit_weights(signed(HOTKEY), netuids, hashes.clone()));
        run_epoch(NETUID);
        let batch = |salts: Vec<Vec<u16>>| {
            let (uids, values) = (vec![vec![0], vec![2]], vec![vec![1], vec![1]]);
            frame_support::storage::with_storage_layer(|| {
                SubtensorModule::batch_reveal_weights(signed(HOTKEY), NETUID, uids, values, salts, vec![0, 0])
            })
        };
        assert_noop!(batch(vec![vec![1]]), Error::<Test>::InputLengthsUnequal);
        assert_noop!(batch(vec![vec![1], vec![3]]), Error::<Test>::InvalidRevealCommitHashNotMatch);
        events();
        assert_ok!(batch(vec![vec![1], vec![2]]));
        assert_eq!(events().last(), Some(&Event::WeightsBatchRevealed(HOTKEY, NETUID, hashes)));
        assert_eq!(stored(1), [(2, 65_535)]);
    });
}
