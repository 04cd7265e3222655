//! Epochs: when they are due, what they read and what they store. What they decide is the crate `yuma`'s.

use alloc::{collections::BTreeMap, vec::Vec};

use frame_support::{dispatch::DispatchResult, ensure};
use frame_system::pallet_prelude::OriginFor;

use crate::*;

impl<T: Config> Pallet<T> {
    /// Whether the subnet's epoch runs in `block`, if the block has room for it.
    pub fn epoch_is_due(netuid: NetUid, block: u64) -> bool {
        let (last, pending) = (LastEpochBlock::<T>::get(netuid), PendingEpochAt::<T>::get(netuid));
        economy::epoch_is_due(last, Tempo::<T>::get(netuid), pending, block)
    }

    /// The epoch that a commit or reveal in this block belongs to.
    pub fn epoch_with_lookahead(netuid: NetUid) -> u64 {
        let due = Self::epoch_is_due(netuid, Self::current_block());
        economy::epoch_with_lookahead(SubnetEpochIndex::<T>::get(netuid), due)
    }

    /// The block of the next epoch; nothing where there are none.
    pub fn next_epoch_block(netuid: NetUid) -> Option<u64> {
        let (last, pending) = (LastEpochBlock::<T>::get(netuid), PendingEpochAt::<T>::get(netuid));
        economy::next_epoch(last, Tempo::<T>::get(netuid), pending)
    }

    /// Blocks from now until the next epoch by tempo; nothing where there are none.
    pub fn blocks_until_next_epoch(netuid: NetUid) -> Option<u64> {
        let next = economy::next_epoch(LastEpochBlock::<T>::get(netuid), Tempo::<T>::get(netuid), 0)?;
        Some(next.saturating_sub(Self::current_block()))
    }

    /// Blocks without weights after which a neuron counts as inactive.
    pub fn activity_cutoff_blocks(netuid: NetUid) -> u64 {
        let factor = u64::from(ActivityCutoffFactorMilli::<T>::get(netuid));
        let cutoff = factor.saturating_mul(u64::from(Tempo::<T>::get(netuid)));
        cutoff.checked_div(1_000).unwrap_or(0)
    }

    /// Sets the tempo and starts a new cycle with this block.
    pub fn apply_tempo(netuid: NetUid, tempo: u16) {
        Tempo::<T>::insert(netuid, tempo);
        LastEpochBlock::<T>::insert(netuid, Self::current_block());
        Self::deposit_event(Event::TempoSet(netuid, tempo));
    }

    pub(crate) fn do_set_tempo(origin: OriginFor<T>, netuid: NetUid, tempo: u16) -> DispatchResult {
        Self::ensure_subnet_owner(origin, netuid)?;
        ensure!((360..=50_400).contains(&tempo), Error::<T>::TempoOutOfBounds);
        Self::ensure_admin_window_open(netuid)?;
        Self::spend_owner_limit(netuid, Hyperparameter::Tempo)?;
        Self::apply_tempo(netuid, tempo);
        Ok(())
    }

    pub(crate) fn do_set_activity_cutoff_factor(
        origin: OriginFor<T>,
        netuid: NetUid,
        factor_milli: u32,
    ) -> DispatchResult {
        let owner = Self::ensure_subnet_owner_or_root(origin, netuid)?;
        let in_range = (1_000..=50_000).contains(&factor_milli);
        ensure!(in_range, Error::<T>::ActivityCutoffFactorMilliOutOfBounds);
        if owner.is_some() {
            Self::ensure_admin_window_open(netuid)?;
            Self::spend_owner_limit(netuid, Hyperparameter::ActivityCutoffFactorMilli)?;
        }
        ActivityCutoffFactorMilli::<T>::insert(netuid, factor_milli);
        Self::deposit_event(Event::ActivityCutoffFactorMilliSet { netuid, factor_milli });
        Ok(())
    }

    pub(crate) fn do_trigger_epoch(origin: OriginFor<T>, netuid: NetUid) -> DispatchResult {
        let owner = Self::ensure_subnet_owner(origin, netuid)?;
        let commits = CommitRevealWeightsEnabled::<T>::get(netuid);
        ensure!(!commits, Error::<T>::DynamicTempoBlockedByCommitReveal);
        ensure!(PendingEpochAt::<T>::get(netuid) == 0, Error::<T>::EpochTriggerAlreadyPending);
        let window = u64::from(AdminFreezeWindow::<T>::get());
        let far = Self::blocks_until_next_epoch(netuid).is_none_or(|blocks| blocks >= window);
        ensure!(far, Error::<T>::AutoEpochAlreadyImminent);
        Self::spend_owner_limit(netuid, Hyperparameter::TriggerEpoch)?;
        let fires_at = Self::current_block().saturating_add(window);
        PendingEpochAt::<T>::insert(netuid, fires_at);
        Self::deposit_event(Event::EpochTriggered { netuid, by: owner, fires_at });
        Ok(())
    }

    /// Runs the epochs due in this block, at most `MaxEpochsPerBlock`; the others wait for the next block.
    pub(crate) fn run_due_epochs(netuids: &[NetUid]) {
        let block = Self::current_block();
        let mut room = MaxEpochsPerBlock::<T>::get();
        for &netuid in netuids {
            if !Self::epoch_is_due(netuid, block) {
                BlocksSinceLastStep::<T>::mutate(netuid, |blocks| *blocks = blocks.saturating_add(1));
            } else if room == 0 {
                let to_block = block.saturating_add(1);
                PendingEpochAt::<T>::insert(netuid, to_block);
                BlocksSinceLastStep::<T>::mutate(netuid, |blocks| *blocks = blocks.saturating_add(1));
                Self::deposit_event(Event::EpochDeferred { netuid, from_block: block, to_block });
            } else {
                room = room.saturating_sub(1);
                Self::run_epoch(netuid, block);
            }
        }
    }

    fn run_epoch(netuid: NetUid, block: u64) {
        let hotkeys = Self::hotkeys(netuid);
        let (pots, rules) = (Self::pots(netuid), EpochRules::<T>::get(netuid));
        let input = Self::epoch_input(netuid, block, &hotkeys, pots.epoch_emission());
        let output = yuma::epoch(&input, &Self::epoch_params(netuid));
        let takes = Self::takes(&hotkeys, &output.validator_emission);
        let (server, validator) = (&output.server_emission, &output.validator_emission);
        let pay = economy::distribute(&pots, server, validator, &takes, rules.carry_dust);
        Self::pay(netuid, &hotkeys, &pay);
        Self::put_pots(netuid, &pay.pending);
        Self::deposit_event(Event::IncentiveAlphaEmittedToMiners { netuid, emissions: output.server_emission.clone() });
        if rules.reveal_target > 0 {
            Self::adapt_reveal_period(netuid, &input.consensus, &output.consensus, rules.reveal_target);
        }
        if rules.average_stake {
            let _ = StakeIntegral::<T>::clear_prefix(netuid, u32::MAX, None);
        }
        Self::store_epoch(netuid, &input.bonds, output);
        LastEpochBlock::<T>::insert(netuid, block);
        PendingEpochAt::<T>::remove(netuid);
        SubnetEpochIndex::<T>::mutate(netuid, |index| *index = index.saturating_add(1));
        BlocksSinceLastStep::<T>::insert(netuid, 0);
        LastMechansimStepBlock::<T>::insert(netuid, block);
    }

    /// Moves the reveal period with how far epochs move the consensus.
    fn adapt_reveal_period(netuid: NetUid, before: &[u16], after: &[u16], target: u16) {
        let average = ConsensusVolatility::<T>::get(netuid);
        let average = economy::average_volatility(average, economy::volatility(before, after));
        ConsensusVolatility::<T>::insert(netuid, average);
        RevealPeriodEpochs::<T>::insert(netuid, economy::reveal_period(average, target));
    }

    /// The hotkey of every uid.
    pub fn hotkeys(netuid: NetUid) -> Vec<T::AccountId> {
        (0..SubnetworkN::<T>::get(netuid)).map(|uid| Keys::<T>::get(netuid, uid)).collect()
    }

    fn epoch_input(netuid: NetUid, block: u64, hotkeys: &[T::AccountId], emission: u64) -> yuma::EpochInput {
        let (permits, rules) = (ValidatorPermit::<T>::get(netuid), EpochRules::<T>::get(netuid));
        let owner_uid = Self::owner_uid(netuid);
        let last_update = LastUpdate::<T>::get(netuid);
        let weights_at = if rules.dated_weights { Self::weights_at(netuid, &last_update) } else { Vec::new() };
        let uids = || (0..SubnetworkN::<T>::get(netuid)).zip(permits.iter().copied());
        // Rows without a permit count for nothing, so they are not read.
        let weighs = |uid: u16, permit: bool| permit || owner_uid == Some(uid);
        yuma::EpochInput {
            block,
            last_step: LastMechansimStepBlock::<T>::get(netuid),
            alpha_stake: hotkeys.iter().map(|hotkey| Self::counted_stake(hotkey, netuid, &rules)).collect(),
            tao_stake: Vec::new(),
            last_update,
            registered_at: uids().map(|(uid, _)| BlockAtRegistration::<T>::get(netuid, uid)).collect(),
            owner_uid,
            oldest_commit_block: Self::oldest_commits(netuid, hotkeys),
            weights: uids()
                .map(|(uid, permit)| if weighs(uid, permit) { Weights::<T>::get(netuid, uid) } else { Vec::new() })
                .collect(),
            bonds: uids()
                .map(|(uid, permit)| if weighs(uid, permit) { Bonds::<T>::get(netuid, uid) } else { Vec::new() })
                .collect(),
            permits,
            emission,
            consensus: Consensus::<T>::get(netuid),
            weights_at,
        }
    }

    /// The block in which each uid's weights were made; its last update where none is known.
    fn weights_at(netuid: NetUid, last_update: &[u64]) -> Vec<u64> {
        (0..).zip(last_update).map(|(uid, updated)| WeightsMadeAt::<T>::get(netuid, uid).unwrap_or(*updated)).collect()
    }

    /// Block of each uid's oldest commit that can still be revealed after this epoch.
    fn oldest_commits(netuid: NetUid, hotkeys: &[T::AccountId]) -> Vec<Option<u64>> {
        if !CommitRevealWeightsEnabled::<T>::get(netuid) {
            return Vec::new();
        }
        let epoch = SubnetEpochIndex::<T>::get(netuid).saturating_add(1);
        let oldest: BTreeMap<T::AccountId, u64> = WeightCommits::<T>::iter_prefix(netuid)
            .filter_map(|(hotkey, commits)| {
                let open = commits.iter().filter(|commit| !Self::is_expired(netuid, commit, epoch));
                Some((hotkey, open.map(|commit| commit.2).min()?))
            })
            .collect();
        hotkeys.iter().map(|hotkey| oldest.get(hotkey).copied()).collect()
    }

    /// The hyperparameters that an epoch depends on.
    pub fn epoch_params(netuid: NetUid) -> yuma::Params {
        let (alpha_low, alpha_high) = AlphaValues::<T>::get(netuid);
        let rules = EpochRules::<T>::get(netuid);
        yuma::Params {
            tempo: Tempo::<T>::get(netuid),
            kappa: Kappa::<T>::get(netuid),
            bonds_penalty: BondsPenalty::<T>::get(netuid),
            bonds_moving_average: BondsMovingAverage::<T>::get(netuid),
            yuma3: Yuma3On::<T>::get(netuid),
            liquid_alpha: LiquidAlphaOn::<T>::get(netuid),
            alpha_low,
            alpha_high,
            alpha_sigmoid_steepness: AlphaSigmoidSteepness::<T>::get(netuid),
            liquid_alpha_mode: LiquidAlphaConsensusMode::<T>::get(netuid).into(),
            max_allowed_validators: MaxAllowedValidators::<T>::get(netuid),
            activity_cutoff: Self::activity_cutoff_blocks(netuid),
            stake_threshold: StakeThreshold::<T>::get(),
            tao_weight: TaoWeight::<T>::get(),
            commit_reveal: CommitRevealWeightsEnabled::<T>::get(netuid),
            absent_as_zero: rules.absent_as_zero,
            deviation_cost: rules.deviation_cost,
        }
    }

    fn store_epoch(netuid: NetUid, old_bonds: &[yuma::Row], output: yuma::EpochOutput) {
        for (uid, row) in (0..SubnetworkN::<T>::get(netuid)).zip(output.bonds) {
            if !row.is_empty() {
                Bonds::<T>::insert(netuid, uid, row);
            } else if old_bonds.get(usize::from(uid)).is_some_and(|old| !old.is_empty()) {
                Bonds::<T>::remove(netuid, uid);
            }
        }
        Active::<T>::insert(netuid, output.active);
        Consensus::<T>::insert(netuid, output.consensus);
        Incentive::<T>::insert(netuid, output.incentive);
        Dividends::<T>::insert(netuid, output.dividends);
        Emission::<T>::insert(netuid, output.combined_emission);
        ValidatorTrust::<T>::insert(netuid, output.validator_trust);
        ValidatorPermit::<T>::insert(netuid, output.permits);
        StakeWeight::<T>::insert(netuid, output.stake_weight);
    }
}
