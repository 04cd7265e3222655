//! The calls, each a line into its topic. The documentation of a call says who signs, what may go wrong and what is announced; clients show it.

use frame_support::pallet_macros::pallet_section;

#[pallet_section]
mod calls {
    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Sets the weights of a validator, where they are not committed first.
        /// Origin: hotkey, free of charge. Weights may have any scale.
        /// Errors: CommitRevealEnabled, CanNotSetRootNetworkWeights, WeightVecNotEqualSize, SubnetNotExists, UidsLengthExceedUidsInSubNet,
        /// HotKeyNotRegisteredInSubNet, NotEnoughStakeToSetWeights, IncorrectWeightVersionKey, SettingWeightsTooFast, NeuronNoValidatorPermit,
        /// DuplicateUids, UidVecContainInvalidOne, WeightVecLengthIsLow.
        /// Events: WeightsSet.
        #[pallet::call_index(0)]
        #[pallet::weight((cost::<T>(14, 2), DispatchClass::Normal, Pays::No))]
        pub fn set_weights(
            origin: OriginFor<T>,
            netuid: NetUid,
            dests: Vec<u16>,
            weights: Vec<u16>,
            version_key: u64,
        ) -> DispatchResult {
            let weights = WeightVector { uids: dests, values: weights, version_key };
            Self::do_set_weights(origin, netuid, MAIN_MECHANISM, weights)
        }

        /// As set_weights, for a mechanism of the subnet; there is only number 0.
        /// Origin: hotkey, free of charge.
        /// Errors: those of set_weights, MechanismDoesNotExist. Events: WeightsSet.
        #[pallet::call_index(119)]
        #[pallet::weight((cost::<T>(14, 2), DispatchClass::Normal, Pays::No))]
        pub fn set_mechanism_weights(
            origin: OriginFor<T>,
            netuid: NetUid,
            mecid: MechId,
            dests: Vec<u16>,
            weights: Vec<u16>,
            version_key: u64,
        ) -> DispatchResult {
            Self::do_set_weights(origin, netuid, mecid, WeightVector { uids: dests, values: weights, version_key })
        }

        /// set_weights on several subnets; a part that fails does not stop the others.
        /// Origin: hotkey, free of charge.
        /// Errors: InputLengthsUnequal; those of set_weights are announced a part.
        /// Events: WeightsSet a part, BatchCompletedWithErrors, BatchWeightItemFailed, BatchWeightsCompleted.
        #[pallet::call_index(80)]
        #[pallet::weight((cost::<T>(14, 2).saturating_mul(netuids.len() as u64), DispatchClass::Normal, Pays::No))]
        pub fn batch_set_weights(
            origin: OriginFor<T>,
            netuids: Vec<Compact<NetUid>>,
            weights: Vec<Vec<(Compact<u16>, Compact<u16>)>>,
            version_keys: Vec<Compact<u64>>,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin.clone())?;
            let equal = netuids.len() == weights.len() && netuids.len() == version_keys.len();
            ensure!(equal, Error::<T>::InputLengthsUnequal);
            let weights = weights.into_iter().zip(version_keys).map(|(row, version)| {
                let (uids, values) = row.into_iter().map(|(uid, value)| (uid.0, value.0)).unzip();
                WeightVector { uids, values, version_key: version.0 }
            });
            Self::batch(hotkey, netuids.into_iter().zip(weights), |netuid, weights| {
                Self::do_set_weights(origin.clone(), netuid, MAIN_MECHANISM, weights)
            });
            Ok(())
        }

        /// Commits to weights by their hash: BLAKE2 over SCALE of hotkey, netuid, uids, values, salt, version key.
        /// Origin: hotkey, free of charge. The weights are revealed RevealPeriodEpochs epochs later.
        /// Errors: SubnetNotExists, CommitRevealDisabled, HotKeyNotRegisteredInSubNet, CommittingWeightsTooFast, TooManyUnrevealedCommits.
        /// Events: WeightsCommitted.
        #[pallet::call_index(96)]
        #[pallet::weight((cost::<T>(10, 2), DispatchClass::Normal, Pays::No))]
        pub fn commit_weights(origin: OriginFor<T>, netuid: NetUid, commit_hash: H256) -> DispatchResult {
            Self::do_commit_weights(origin, netuid, MAIN_MECHANISM, commit_hash)
        }

        /// As commit_weights, for a mechanism of the subnet; there is only number 0.
        /// Origin: hotkey, free of charge.
        /// Errors: those of commit_weights, MechanismDoesNotExist. Events: WeightsCommitted.
        #[pallet::call_index(115)]
        #[pallet::weight((cost::<T>(10, 2), DispatchClass::Normal, Pays::No))]
        pub fn commit_mechanism_weights(
            origin: OriginFor<T>,
            netuid: NetUid,
            mecid: MechId,
            commit_hash: H256,
        ) -> DispatchResult {
            Self::do_commit_weights(origin, netuid, mecid, commit_hash)
        }

        /// commit_weights on several subnets; a part that fails does not stop the others.
        /// Origin: hotkey, free of charge.
        /// Errors: InputLengthsUnequal; those of commit_weights are announced a part.
        /// Events: WeightsCommitted a part, BatchCompletedWithErrors, BatchWeightItemFailed, BatchWeightsCompleted.
        #[pallet::call_index(100)]
        #[pallet::weight((cost::<T>(10, 2).saturating_mul(netuids.len() as u64), DispatchClass::Normal, Pays::No))]
        pub fn batch_commit_weights(
            origin: OriginFor<T>,
            netuids: Vec<Compact<NetUid>>,
            commit_hashes: Vec<H256>,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin.clone())?;
            ensure!(netuids.len() == commit_hashes.len(), Error::<T>::InputLengthsUnequal);
            Self::batch(hotkey, netuids.into_iter().zip(commit_hashes), |netuid, hash| {
                Self::do_commit_weights(origin.clone(), netuid, MAIN_MECHANISM, hash)
            });
            Ok(())
        }

        /// Reveals committed weights, in the one epoch that is RevealPeriodEpochs after the commit's. Older commits are given up.
        /// Origin: hotkey, free of charge.
        /// Errors: CommitRevealDisabled, NoWeightsCommitFound, InvalidRevealCommitHashNotMatch, ExpiredWeightCommit, RevealTooEarly, and those of
        /// set_weights but the rate limit.
        /// Events: WeightsSet, WeightsRevealed.
        #[pallet::call_index(97)]
        #[pallet::weight((cost::<T>(18, 3), DispatchClass::Normal, Pays::No))]
        pub fn reveal_weights(
            origin: OriginFor<T>,
            netuid: NetUid,
            uids: Vec<u16>,
            values: Vec<u16>,
            salt: Vec<u16>,
            version_key: u64,
        ) -> DispatchResult {
            let weights = WeightVector { uids, values, version_key };
            Self::do_reveal_weights(origin, netuid, MAIN_MECHANISM, weights, &salt)
        }

        /// As reveal_weights, for a mechanism of the subnet; there is only number 0.
        /// Origin: hotkey, free of charge.
        /// Errors: those of reveal_weights, MechanismDoesNotExist. Events: WeightsSet, WeightsRevealed.
        #[pallet::call_index(116)]
        #[pallet::weight((cost::<T>(18, 3), DispatchClass::Normal, Pays::No))]
        pub fn reveal_mechanism_weights(
            origin: OriginFor<T>,
            netuid: NetUid,
            mecid: MechId,
            uids: Vec<u16>,
            values: Vec<u16>,
            salt: Vec<u16>,
            version_key: u64,
        ) -> DispatchResult {
            Self::do_reveal_weights(origin, netuid, mecid, WeightVector { uids, values, version_key }, &salt)
        }

        /// Reveals several commits of one subnet at once, all or none.
        /// Origin: hotkey, free of charge.
        /// Errors: InputLengthsUnequal, those of reveal_weights. Events: WeightsSet a part, WeightsBatchRevealed.
        #[pallet::call_index(98)]
        #[pallet::weight((cost::<T>(18, 3).saturating_mul(uids_list.len() as u64), DispatchClass::Normal, Pays::No))]
        pub fn batch_reveal_weights(
            origin: OriginFor<T>,
            netuid: NetUid,
            uids_list: Vec<Vec<u16>>,
            values_list: Vec<Vec<u16>>,
            salts_list: Vec<Vec<u16>>,
            version_keys: Vec<u64>,
        ) -> DispatchResult {
            let count = uids_list.len();
            let equal = [values_list.len(), salts_list.len(), version_keys.len()].iter().all(|length| *length == count);
            ensure!(equal, Error::<T>::InputLengthsUnequal);
            let weights = uids_list.into_iter().zip(values_list).zip(version_keys);
            let weights = weights.map(|((uids, values), version_key)| WeightVector { uids, values, version_key });
            Self::do_batch_reveal_weights(origin, netuid, weights.zip(salts_list).collect())
        }

        /// Puts TAO behind a hotkey on a subnet.
        /// Origin: any coldkey; amount in rao, at least 0.002 TAO.
        /// Errors: SubnetNotExists, SubtokenDisabled, AmountTooLow, NotEnoughBalanceToStake, HotKeyAccountNotExists.
        /// Events: StakeAdded.
        #[pallet::call_index(2)]
        #[pallet::weight(cost::<T>(12, 8))]
        pub fn add_stake(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            netuid: NetUid,
            amount_staked: TaoBalance,
        ) -> DispatchResult {
            Self::do_add_stake(origin, &hotkey, netuid, amount_staked, None)
        }

        /// As add_stake, refused if an alpha costs more than limit_price rao. Its price is 1 TAO, so nothing is ever partial.
        /// Origin: any coldkey.
        /// Errors: those of add_stake, SlippageTooHigh. Events: StakeAdded.
        #[pallet::call_index(88)]
        #[pallet::weight(cost::<T>(12, 8))]
        pub fn add_stake_limit(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            netuid: NetUid,
            amount_staked: TaoBalance,
            limit_price: TaoBalance,
            allow_partial: bool,
        ) -> DispatchResult {
            let _ = allow_partial;
            Self::do_add_stake(origin, &hotkey, netuid, amount_staked, Some(limit_price))
        }

        /// Takes stake back into the coldkey's balance.
        /// Origin: the coldkey that staked; amount in rao, at least 0.002 TAO or everything.
        /// Errors: SubnetNotExists, SubtokenDisabled, AmountTooLow, HotKeyAccountNotExists, NotEnoughStakeToWithdraw.
        /// Events: StakeRemoved.
        #[pallet::call_index(3)]
        #[pallet::weight(cost::<T>(12, 8))]
        pub fn remove_stake(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            netuid: NetUid,
            amount_unstaked: AlphaBalance,
        ) -> DispatchResult {
            Self::do_remove_stake(origin, &hotkey, netuid, amount_unstaked, None)
        }

        /// As remove_stake, refused if an alpha brings less than limit_price rao. Its price is 1 TAO, so nothing is ever partial.
        /// Origin: the coldkey that staked.
        /// Errors: those of remove_stake, SlippageTooHigh. Events: StakeRemoved.
        #[pallet::call_index(89)]
        #[pallet::weight(cost::<T>(12, 8))]
        pub fn remove_stake_limit(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            netuid: NetUid,
            amount_unstaked: AlphaBalance,
            limit_price: TaoBalance,
            allow_partial: bool,
        ) -> DispatchResult {
            let _ = allow_partial;
            Self::do_remove_stake(origin, &hotkey, netuid, amount_unstaked, Some(limit_price))
        }

        /// Takes all stake at a hotkey back, on every subnet.
        /// Origin: the coldkey that staked.
        /// Errors: HotKeyAccountNotExists. Events: StakeRemoved a subnet.
        #[pallet::call_index(83)]
        #[pallet::weight(cost::<T>(40, 30))]
        pub fn unstake_all(origin: OriginFor<T>, hotkey: T::AccountId) -> DispatchResult {
            Self::do_unstake_all(origin, &hotkey)
        }

        /// Moves stake to another hotkey, another subnet or both.
        /// Origin: the coldkey that staked; amount in rao, at least 0.002 TAO.
        /// Errors: SameNetuid, SubnetNotExists, SubtokenDisabled, HotKeyAccountNotExists, NotEnoughStakeToWithdraw, AmountTooLow.
        /// Events: StakeMoved.
        #[pallet::call_index(85)]
        #[pallet::weight(cost::<T>(20, 12))]
        pub fn move_stake(
            origin: OriginFor<T>,
            origin_hotkey: T::AccountId,
            destination_hotkey: T::AccountId,
            origin_netuid: NetUid,
            destination_netuid: NetUid,
            alpha_amount: AlphaBalance,
        ) -> DispatchResult {
            let (hotkey, netuid) = (destination_hotkey, destination_netuid);
            Self::do_move_stake(origin, (origin_hotkey, origin_netuid), (hotkey, netuid), alpha_amount)
        }

        /// Gives stake to another coldkey.
        /// Origin: the coldkey that staked; amount in rao, at least 0.002 TAO.
        /// Errors: those of move_stake, TransferDisallowed. Events: StakeTransferred.
        #[pallet::call_index(86)]
        #[pallet::weight(cost::<T>(20, 12))]
        pub fn transfer_stake(
            origin: OriginFor<T>,
            destination_coldkey: T::AccountId,
            hotkey: T::AccountId,
            origin_netuid: NetUid,
            destination_netuid: NetUid,
            alpha_amount: AlphaBalance,
        ) -> DispatchResult {
            let netuids = (origin_netuid, destination_netuid);
            Self::do_transfer_stake(origin, destination_coldkey, hotkey, netuids, alpha_amount)
        }

        /// Moves stake at a hotkey to another subnet.
        /// Origin: the coldkey that staked; amount in rao, at least 0.002 TAO.
        /// Errors: those of move_stake. Events: StakeSwapped.
        #[pallet::call_index(87)]
        #[pallet::weight(cost::<T>(20, 12))]
        pub fn swap_stake(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            origin_netuid: NetUid,
            destination_netuid: NetUid,
            alpha_amount: AlphaBalance,
        ) -> DispatchResult {
            Self::do_swap_stake(origin, hotkey, (origin_netuid, destination_netuid), alpha_amount)
        }

        /// Announces where a neuron can be reached; address 0 takes an announcement back.
        /// Origin: hotkey, free of charge.
        /// Errors: HotKeyNotRegisteredInNetwork, InvalidIpType, InvalidIpAddress, ServingRateLimitExceeded, InvalidPort.
        /// Events: AxonServed.
        #[pallet::call_index(4)]
        #[pallet::weight((cost::<T>(4, 1), DispatchClass::Normal, Pays::No))]
        pub fn serve_axon(
            origin: OriginFor<T>,
            netuid: NetUid,
            version: u32,
            ip: u128,
            port: u16,
            ip_type: u8,
            protocol: u8,
            placeholder1: u8,
            placeholder2: u8,
        ) -> DispatchResult {
            let axon = AxonInfo { block: 0, version, ip, port, ip_type, protocol, placeholder1, placeholder2 };
            Self::do_serve_axon(origin, netuid, axon, None)
        }

        /// As serve_axon, with the neuron's TLS key: a byte for the algorithm, then 1 to 64 bytes of key. Anything else is ignored.
        /// Origin: hotkey, free of charge.
        /// Errors: those of serve_axon. Events: AxonServed.
        #[pallet::call_index(40)]
        #[pallet::weight((cost::<T>(4, 2), DispatchClass::Normal, Pays::No))]
        pub fn serve_axon_tls(
            origin: OriginFor<T>,
            netuid: NetUid,
            version: u32,
            ip: u128,
            port: u16,
            ip_type: u8,
            protocol: u8,
            placeholder1: u8,
            placeholder2: u8,
            certificate: Vec<u8>,
        ) -> DispatchResult {
            let axon = AxonInfo { block: 0, version, ip, port, ip_type, protocol, placeholder1, placeholder2 };
            Self::do_serve_axon(origin, netuid, axon, Some(certificate))
        }

        /// Announces where a neuron's metrics can be read.
        /// Origin: hotkey, free of charge.
        /// Errors: InvalidIpType, InvalidIpAddress, HotKeyNotRegisteredInNetwork, ServingRateLimitExceeded, InvalidPort.
        /// Events: PrometheusServed.
        #[pallet::call_index(5)]
        #[pallet::weight((cost::<T>(4, 1), DispatchClass::Normal, Pays::No))]
        pub fn serve_prometheus(
            origin: OriginFor<T>,
            netuid: NetUid,
            version: u32,
            ip: u128,
            port: u16,
            ip_type: u8,
        ) -> DispatchResult {
            Self::do_serve_prometheus(origin, netuid, PrometheusInfo { block: 0, version, ip, port, ip_type })
        }

        /// Registers a hotkey on a subnet for its present price, which is burned. A full subnet prunes a neuron for it.
        /// Origin: the coldkey that pays; it becomes the hotkey's owner if nobody is.
        /// Errors: RegistrationNotPermittedOnRootSubnet, SubnetNotExists, SubNetRegistrationDisabled, HotKeyAlreadyRegisteredInSubNet,
        /// NotEnoughBalanceToStake, NonAssociatedColdKey, NoNeuronIdAvailable.
        /// Events: NeuronRegistered.
        #[pallet::call_index(7)]
        #[pallet::weight(cost::<T>(30, 20))]
        pub fn burned_register(origin: OriginFor<T>, netuid: NetUid, hotkey: T::AccountId) -> DispatchResult {
            Self::do_burned_register(origin, netuid, &hotkey)
        }

        /// As burned_register, refused if the price is above limit_price rao.
        /// Origin: the coldkey that pays.
        /// Errors: those of burned_register, RegistrationPriceLimitExceeded. Events: NeuronRegistered.
        #[pallet::call_index(134)]
        #[pallet::weight(cost::<T>(30, 20))]
        pub fn register_limit(
            origin: OriginFor<T>,
            netuid: NetUid,
            hotkey: T::AccountId,
            limit_price: u64,
        ) -> DispatchResult {
            Self::do_register_limit(origin, netuid, &hotkey, limit_price)
        }

        /// Makes the coldkey the owner of a hotkey that nobody owns.
        /// Origin: the coldkey.
        /// Errors: NonAssociatedColdKey.
        #[pallet::call_index(91)]
        #[pallet::weight(cost::<T>(2, 2))]
        pub fn try_associate_hotkey(origin: OriginFor<T>, hotkey: T::AccountId) -> DispatchResult {
            Self::associate(&ensure_signed(origin)?, &hotkey)
        }

        /// Lowers a hotkey's take of its delegators' dividends, in parts of 65,535.
        /// Origin: the hotkey's coldkey.
        /// Errors: HotKeyAccountNotExists, NonAssociatedColdKey, DelegateTakeTooLow.
        /// Events: TakeDecreased.
        #[pallet::call_index(65)]
        #[pallet::weight(cost::<T>(4, 1))]
        pub fn decrease_take(origin: OriginFor<T>, hotkey: T::AccountId, take: u16) -> DispatchResult {
            Self::do_decrease_take(origin, &hotkey, take)
        }

        /// Raises a hotkey's take of its delegators' dividends, in parts of 65,535.
        /// Origin: the hotkey's coldkey.
        /// Errors: HotKeyAccountNotExists, NonAssociatedColdKey, DelegateTakeTooLow, DelegateTakeTooHigh, DelegateTxRateLimitExceeded.
        /// Events: TakeIncreased.
        #[pallet::call_index(66)]
        #[pallet::weight(cost::<T>(6, 2))]
        pub fn increase_take(origin: OriginFor<T>, hotkey: T::AccountId, take: u16) -> DispatchResult {
            Self::do_increase_take(origin, &hotkey, take)
        }

        /// Registers a subnet. The subnet holds the lock cost; the hotkey becomes its uid 0.
        /// Origin: the coldkey that locks; it owns the subnet.
        /// Errors: NonAssociatedColdKey, NetworkTxRateLimitExceeded, SubnetLimitReached, CannotAffordLockCost.
        /// Events: NetworkAdded.
        #[pallet::call_index(59)]
        #[pallet::weight(cost::<T>(40, 45))]
        pub fn register_network(origin: OriginFor<T>, hotkey: T::AccountId) -> DispatchResult {
            Self::do_register_network(origin, &hotkey, None)
        }

        /// As register_network, with a name and links.
        /// Origin: the coldkey that locks; it owns the subnet.
        /// Errors: those of register_network, InvalidIdentity. Events: SubnetIdentitySet, NetworkAdded.
        #[pallet::call_index(79)]
        #[pallet::weight(cost::<T>(40, 46))]
        pub fn register_network_with_identity(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            identity: Option<SubnetIdentityV3>,
        ) -> DispatchResult {
            Self::do_register_network(origin, &hotkey, identity)
        }

        /// Gives a subnet a name and links: at most 256 bytes for name and chat, 1,024 for the others.
        /// Origin: the subnet's owner.
        /// Errors: SubnetNotExists, NotSubnetOwner, InvalidIdentity. Events: SubnetIdentitySet.
        #[pallet::call_index(78)]
        #[pallet::weight(cost::<T>(2, 1))]
        pub fn set_subnet_identity(
            origin: OriginFor<T>,
            netuid: NetUid,
            subnet_name: Vec<u8>,
            github_repo: Vec<u8>,
            subnet_contact: Vec<u8>,
            subnet_url: Vec<u8>,
            discord: Vec<u8>,
            description: Vec<u8>,
            logo_url: Vec<u8>,
            additional: Vec<u8>,
        ) -> DispatchResult {
            let texts =
                [subnet_name, github_repo, subnet_contact, subnet_url, discord, description, logo_url, additional];
            Self::do_set_subnet_identity(origin, netuid, texts.into())
        }

        /// Starts a subnet: from the next block on it takes stake and receives emission.
        /// Origin: the subnet's owner.
        /// Errors: SubnetNotExists, NotSubnetOwner, FirstEmissionBlockNumberAlreadySet, NeedWaitingMoreBlocksToStarCall.
        /// Events: FirstEmissionBlockNumberSet.
        #[pallet::call_index(92)]
        #[pallet::weight(cost::<T>(5, 2))]
        pub fn start_call(origin: OriginFor<T>, netuid: NetUid) -> DispatchResult {
            Self::do_start_call(origin, netuid)
        }

        /// Sets the blocks between two epochs, 360 to 50,400; a new cycle starts.
        /// Origin: the subnet's owner.
        /// Errors: SubnetNotExists, NotSubnetOwner, TempoOutOfBounds, AdminActionProhibitedDuringWeightsWindow, TxRateLimitExceeded.
        /// Events: TempoSet.
        #[pallet::call_index(139)]
        #[pallet::weight(cost::<T>(8, 3))]
        pub fn set_tempo(origin: OriginFor<T>, netuid: NetUid, tempo: u16) -> DispatchResult {
            Self::do_set_tempo(origin, netuid, tempo)
        }

        /// Sets after how many thousandths of a tempo a neuron without new weights counts as inactive, 1,000 to 50,000.
        /// Origin: the subnet's owner or root.
        /// Errors: SubnetNotExists, NotSubnetOwner, ActivityCutoffFactorMilliOutOfBounds, AdminActionProhibitedDuringWeightsWindow,
        /// TxRateLimitExceeded.
        /// Events: ActivityCutoffFactorMilliSet.
        #[pallet::call_index(140)]
        #[pallet::weight(cost::<T>(8, 2))]
        pub fn set_activity_cutoff_factor(origin: OriginFor<T>, netuid: NetUid, factor_milli: u32) -> DispatchResult {
            Self::do_set_activity_cutoff_factor(origin, netuid, factor_milli)
        }

        /// Runs an epoch out of turn, after the freeze window.
        /// Origin: the subnet's owner.
        /// Errors: SubnetNotExists, NotSubnetOwner, DynamicTempoBlockedByCommitReveal, EpochTriggerAlreadyPending, AutoEpochAlreadyImminent,
        /// TxRateLimitExceeded.
        /// Events: EpochTriggered.
        #[pallet::call_index(141)]
        #[pallet::weight(cost::<T>(8, 2))]
        pub fn trigger_epoch(origin: OriginFor<T>, netuid: NetUid) -> DispatchResult {
            Self::do_trigger_epoch(origin, netuid)
        }
    }
}
