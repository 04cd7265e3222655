//! Weights: what validators think of others, set at once or committed first and revealed an epoch later.

use alloc::{
    collections::{BTreeSet, VecDeque},
    vec::Vec,
};

use codec::Compact;
use frame_support::{dispatch::DispatchResult, ensure, storage::with_storage_layer};
use frame_system::{ensure_signed, pallet_prelude::OriginFor};
use sp_core::H256;
use sp_runtime::traits::{BlakeTwo256, Hash};

use crate::*;

/// How many commits of one hotkey may wait for their reveal.
const MAX_UNREVEALED_COMMITS: usize = 10;

/// Weights as a validator sends them.
pub struct WeightVector {
    /// Whom.
    pub uids: Vec<u16>,
    /// How much, in any scale.
    pub values: Vec<u16>,
    /// Version of the validator's software.
    pub version_key: u64,
}

impl WeightVector {
    /// Whether this is a weight on oneself alone, which needs no permit.
    fn is_self_weight(&self, uid: u16) -> bool {
        self.uids == [uid]
    }
}

impl<T: Config> Pallet<T> {
    pub(crate) fn do_set_weights(
        origin: OriginFor<T>,
        netuid: NetUid,
        mechanism: MechId,
        weights: WeightVector,
    ) -> DispatchResult {
        ensure!(!CommitRevealWeightsEnabled::<T>::get(netuid), Error::<T>::CommitRevealEnabled);
        Self::store_weights(&ensure_signed(origin)?, netuid, mechanism, weights, Self::current_block())
    }

    pub(crate) fn do_commit_weights(
        origin: OriginFor<T>,
        netuid: NetUid,
        mechanism: MechId,
        commit_hash: H256,
    ) -> DispatchResult {
        Self::ensure_mechanism_exists(netuid, mechanism)?;
        let hotkey = ensure_signed(origin)?;
        ensure!(CommitRevealWeightsEnabled::<T>::get(netuid), Error::<T>::CommitRevealDisabled);
        let uid = Self::uid_of(netuid, &hotkey)?;
        ensure!(Self::waited_for_weights(netuid, uid), Error::<T>::CommittingWeightsTooFast);
        let (now, epoch) = (Self::current_block(), Self::epoch_with_lookahead(netuid));
        let (mut commits, _) = Self::open_commits(netuid, &hotkey);
        ensure!(commits.len() < MAX_UNREVEALED_COMMITS, Error::<T>::TooManyUnrevealedCommits);
        let adapts = EpochRules::<T>::get(netuid).reveal_target > 0;
        let period = if adapts { RevealPeriodEpochs::<T>::get(netuid) } else { 0 };
        commits.push_back((commit_hash, epoch, now, period));
        WeightCommits::<T>::insert(netuid, &hotkey, commits);
        Self::touch(netuid, uid);
        Self::deposit_event(Event::WeightsCommitted(hotkey, netuid, commit_hash));
        Ok(())
    }

    pub(crate) fn do_reveal_weights(
        origin: OriginFor<T>,
        netuid: NetUid,
        mechanism: MechId,
        weights: WeightVector,
        salt: &[u16],
    ) -> DispatchResult {
        let hotkey = ensure_signed(origin)?;
        ensure!(CommitRevealWeightsEnabled::<T>::get(netuid), Error::<T>::CommitRevealDisabled);
        let (mut commits, expired) = Self::existing_commits(netuid, &hotkey)?;
        let hash = Self::commit_hash(&hotkey, netuid, &weights, salt);
        let position = Self::position_to_reveal(netuid, &commits, &expired, hash)?;
        // Older commits are given up: an older row must not overwrite a newer one later.
        let made_at = commits.drain(..=position).next_back().map_or(0, |commit| commit.2);
        Self::put_commits(netuid, &hotkey, commits);
        Self::store_weights(&hotkey, netuid, mechanism, weights, made_at)?;
        Self::deposit_event(Event::WeightsRevealed(hotkey, netuid, hash));
        Ok(())
    }

    pub(crate) fn do_batch_reveal_weights(
        origin: OriginFor<T>,
        netuid: NetUid,
        reveals: Vec<(WeightVector, Vec<u16>)>,
    ) -> DispatchResult {
        let hotkey = ensure_signed(origin)?;
        ensure!(CommitRevealWeightsEnabled::<T>::get(netuid), Error::<T>::CommitRevealDisabled);
        let (mut commits, expired) = Self::existing_commits(netuid, &hotkey)?;
        let mut hashes = Vec::new();
        for (weights, salt) in reveals {
            let hash = Self::commit_hash(&hotkey, netuid, &weights, &salt);
            let position = Self::position_to_reveal(netuid, &commits, &expired, hash)?;
            let made_at = commits.remove(position).map_or(0, |commit| commit.2);
            Self::store_weights(&hotkey, netuid, MAIN_MECHANISM, weights, made_at)?;
            hashes.push(hash);
        }
        Self::put_commits(netuid, &hotkey, commits);
        Self::deposit_event(Event::WeightsBatchRevealed(hotkey, netuid, hashes));
        Ok(())
    }

    /// Works off a batch, each part for itself, and announces what failed.
    pub(crate) fn batch<Part>(
        hotkey: T::AccountId,
        parts: impl Iterator<Item = (Compact<NetUid>, Part)>,
        run: impl Fn(NetUid, Part) -> DispatchResult,
    ) {
        let (mut netuids, mut failures) = (Vec::new(), Vec::new());
        for (netuid, part) in parts {
            // A part that fails leaves nothing behind.
            let result = with_storage_layer(|| run(netuid.0, part));
            failures.extend(result.err().map(|error| (netuid.0, error)));
            netuids.push(netuid);
        }
        if !failures.is_empty() {
            Self::deposit_event(Event::BatchCompletedWithErrors());
        }
        for (netuid, error) in failures {
            Self::deposit_event(Event::BatchWeightItemFailed(netuid, error));
        }
        Self::deposit_event(Event::BatchWeightsCompleted(netuids, hotkey));
    }

    /// The hash a commit must have: BLAKE2 over SCALE of hotkey, netuid, uids, values, salt, version key.
    pub fn commit_hash(hotkey: &T::AccountId, netuid: NetUid, weights: &WeightVector, salt: &[u16]) -> H256 {
        BlakeTwo256::hash_of(&(hotkey, netuid, &weights.uids, &weights.values, salt, weights.version_key))
    }

    /// Checks weights that were made in `made_at` in Bittensor's order and stores them, scaled so that the largest is 65,535.
    fn store_weights(
        hotkey: &T::AccountId,
        netuid: NetUid,
        mechanism: MechId,
        weights: WeightVector,
        made_at: u64,
    ) -> DispatchResult {
        ensure!(netuid != ROOT, Error::<T>::CanNotSetRootNetworkWeights);
        ensure!(weights.uids.len() == weights.values.len(), Error::<T>::WeightVecNotEqualSize);
        Self::ensure_mechanism_exists(netuid, mechanism)?;
        let count = SubnetworkN::<T>::get(netuid);
        ensure!(weights.uids.len() <= usize::from(count), Error::<T>::UidsLengthExceedUidsInSubNet);
        let uid = Self::uid_of(netuid, hotkey)?;
        ensure!(Self::has_stake_for_weights(netuid, uid, hotkey), Error::<T>::NotEnoughStakeToSetWeights);
        let version = WeightsVersionKey::<T>::get(netuid);
        ensure!(weights.version_key >= version, Error::<T>::IncorrectWeightVersionKey);
        // Under commit-reveal the commit has spent the rate limit.
        let direct = !CommitRevealWeightsEnabled::<T>::get(netuid);
        ensure!(!direct || Self::waited_for_weights(netuid, uid), Error::<T>::SettingWeightsTooFast);
        ensure!(Self::may_weigh(netuid, uid, &weights), Error::<T>::NeuronNoValidatorPermit);
        let distinct: BTreeSet<u16> = weights.uids.iter().copied().collect();
        ensure!(distinct.len() == weights.uids.len(), Error::<T>::DuplicateUids);
        ensure!(weights.uids.iter().all(|on| *on < count), Error::<T>::UidVecContainInvalidOne);
        let fewest = MinAllowedWeights::<T>::get(netuid).min(count);
        let enough = weights.is_self_weight(uid) || weights.uids.len() >= usize::from(fewest);
        ensure!(enough, Error::<T>::WeightVecLengthIsLow);

        let row: Vec<(u16, u16)> = weights.uids.into_iter().zip(yuma::max_upscale(&weights.values)).collect();
        Weights::<T>::insert(netuid, uid, row);
        WeightsMadeAt::<T>::insert(netuid, uid, made_at);
        if direct {
            Self::touch(netuid, uid);
        }
        Self::deposit_event(Event::WeightsSet(netuid, uid));
        Ok(())
    }

    fn has_stake_for_weights(netuid: NetUid, uid: u16, hotkey: &T::AccountId) -> bool {
        let threshold = StakeThreshold::<T>::get();
        TotalHotkeyAlpha::<T>::get(hotkey, netuid) >= threshold || Self::owner_uid(netuid) == Some(uid)
    }

    fn may_weigh(netuid: NetUid, uid: u16, weights: &WeightVector) -> bool {
        let permit = || ValidatorPermit::<T>::get(netuid).get(usize::from(uid)).copied().unwrap_or(false);
        weights.is_self_weight(uid) || Self::owner_uid(netuid) == Some(uid) || permit()
    }

    fn waited_for_weights(netuid: NetUid, uid: u16) -> bool {
        let last = LastUpdate::<T>::get(netuid).get(usize::from(uid)).copied().unwrap_or(0);
        last == 0 || Self::current_block().saturating_sub(last) >= WeightsSetRateLimit::<T>::get(netuid)
    }

    fn touch(netuid: NetUid, uid: u16) {
        LastUpdate::<T>::mutate(netuid, |all| {
            if let Some(last) = all.get_mut(usize::from(uid)) {
                *last = Self::current_block();
            }
        });
    }

    /// A hotkey's commits that can still be revealed, and the hashes of those that no longer can.
    fn open_commits(netuid: NetUid, hotkey: &T::AccountId) -> (VecDeque<WeightCommit>, Vec<H256>) {
        let mut commits = WeightCommits::<T>::get(netuid, hotkey).unwrap_or_default();
        let epoch = Self::epoch_with_lookahead(netuid);
        let open = |commit: &WeightCommit| !Self::is_expired(netuid, commit, epoch);
        let first = commits.iter().position(open).unwrap_or(commits.len());
        let expired = commits.drain(..first).map(|(hash, ..)| hash).collect();
        (commits, expired)
    }

    /// As `open_commits`, of a hotkey that must have committed.
    ///
    /// Errors: `NoWeightsCommitFound`.
    fn existing_commits(
        netuid: NetUid,
        hotkey: &T::AccountId,
    ) -> Result<(VecDeque<WeightCommit>, Vec<H256>), sp_runtime::DispatchError> {
        ensure!(WeightCommits::<T>::contains_key(netuid, hotkey), Error::<T>::NoWeightsCommitFound);
        Ok(Self::open_commits(netuid, hotkey))
    }

    fn put_commits(netuid: NetUid, hotkey: &T::AccountId, commits: VecDeque<WeightCommit>) {
        if commits.is_empty() {
            WeightCommits::<T>::remove(netuid, hotkey);
        } else {
            WeightCommits::<T>::insert(netuid, hotkey, commits);
        }
    }

    /// Where the commit with this hash stands, if it may be revealed now.
    ///
    /// Errors: `ExpiredWeightCommit`, `NoWeightsCommitFound`, `InvalidRevealCommitHashNotMatch`, `RevealTooEarly`.
    fn position_to_reveal(
        netuid: NetUid,
        commits: &VecDeque<WeightCommit>,
        expired: &[H256],
        hash: H256,
    ) -> Result<usize, sp_runtime::DispatchError> {
        let Some(position) = commits.iter().position(|commit| commit.0 == hash) else {
            return Err(if expired.contains(&hash) {
                Error::<T>::ExpiredWeightCommit.into()
            } else if commits.is_empty() {
                Error::<T>::NoWeightsCommitFound.into()
            } else {
                Error::<T>::InvalidRevealCommitHashNotMatch.into()
            });
        };
        let epoch = Self::epoch_with_lookahead(netuid);
        let open = commits.get(position).map(|commit| Self::reveal_window(netuid, commit, epoch));
        ensure!(open == Some(economy::RevealWindow::Open), Error::<T>::RevealTooEarly);
        Ok(position)
    }

    /// Where a commit stands in `epoch`: its own period counts where it has one, else the subnet's.
    fn reveal_window(netuid: NetUid, commit: &WeightCommit, epoch: u64) -> economy::RevealWindow {
        let period = if commit.3 > 0 { commit.3 } else { RevealPeriodEpochs::<T>::get(netuid) };
        economy::reveal_window(commit.1, period, epoch)
    }

    /// Whether a commit can no longer be revealed in `epoch`.
    pub(crate) fn is_expired(netuid: NetUid, commit: &WeightCommit, epoch: u64) -> bool {
        Self::reveal_window(netuid, commit, epoch) == economy::RevealWindow::Expired
    }
}
