//! Why a call was refused. The texts are what a person reads: what was wrong, then what to do.

use frame_support::pallet_macros::pallet_section;

#[pallet_section]
mod errors {
    /// Why a call was refused, in Bittensor's names.
    #[pallet::error]
    #[derive(PartialEq)]
    pub enum Error<T> {
        /// The address type is neither 4 (IPv4) nor 6 (IPv6).
        InvalidIpType,
        /// The address is not one that others can reach: zero, broadcast or loopback. Announce the public address.
        InvalidIpAddress,
        /// The port is 0. Announce the port the neuron listens on.
        InvalidPort,
        /// The hotkey has no uid on this subnet. Register it first.
        HotKeyNotRegisteredInSubNet,
        /// No coldkey has ever registered or associated this hotkey.
        HotKeyAccountNotExists,
        /// The hotkey is not registered on the subnet for which it announces an address. Register it first.
        HotKeyNotRegisteredInNetwork,
        /// The hotkey belongs to another coldkey. Sign with that coldkey or use another hotkey.
        NonAssociatedColdKey,
        /// The stake at this hotkey is smaller than what should be removed.
        NotEnoughStakeToWithdraw,
        /// The hotkey's stake on this subnet is below the stake threshold for weights.
        NotEnoughStakeToSetWeights,
        /// The coldkey's free balance does not cover the amount and the existential deposit.
        NotEnoughBalanceToStake,
        /// Only uids with a validator permit may weigh others. Permits go to the uids with the most stake at each epoch.
        NeuronNoValidatorPermit,
        /// There are not as many uids as weights.
        WeightVecNotEqualSize,
        /// A uid stands more than once in the weights.
        DuplicateUids,
        /// A uid in the weights does not exist on this subnet.
        UidVecContainInvalidOne,
        /// There are fewer weights than the subnet's min_allowed_weights.
        WeightVecLengthIsLow,
        /// The hotkey already has a uid on this subnet.
        HotKeyAlreadyRegisteredInSubNet,
        /// The neuron set weights a moment ago. Wait for the subnet's weights_rate_limit in blocks.
        SettingWeightsTooFast,
        /// The version key is older than the subnet's weights_version. Update the validator's software.
        IncorrectWeightVersionKey,
        /// The neuron announced itself a moment ago. Wait for the subnet's serving_rate_limit in blocks.
        ServingRateLimitExceeded,
        /// There are more weights than uids on the subnet.
        UidsLengthExceedUidsInSubNet,
        /// A subnet was registered a moment ago. Wait for the network rate limit in blocks.
        NetworkTxRateLimitExceeded,
        /// The take of a hotkey was raised a moment ago. Wait for the delegate-take rate limit in blocks.
        DelegateTxRateLimitExceeded,
        /// The subnet takes no registrations.
        SubNetRegistrationDisabled,
        /// The caller does not own the subnet.
        NotSubnetOwner,
        /// Nobody registers on the root network by burning.
        RegistrationNotPermittedOnRootSubnet,
        /// The root network has no weights.
        CanNotSetRootNetworkWeights,
        /// The subnet is full and all its neurons are immune. Try again later.
        NoNeuronIdAvailable,
        /// The take is below the smallest allowed, or not below the present one.
        DelegateTakeTooLow,
        /// The take is above the largest allowed.
        DelegateTakeTooHigh,
        /// The hotkey has no commit on this subnet. Commit first.
        NoWeightsCommitFound,
        /// No commit has the hash of what was revealed. Reveal exactly what was committed: uids, values, salt, version key.
        InvalidRevealCommitHashNotMatch,
        /// The subnet takes weights by commit and reveal only.
        CommitRevealEnabled,
        /// The subnet takes weights directly; there is nothing to commit or reveal.
        CommitRevealDisabled,
        /// Liquid alpha is off on this subnet.
        LiquidAlphaDisabled,
        /// The upper alpha is below the smallest allowed (1,638 of 65,535).
        AlphaHighTooLow,
        /// The lower alpha is below the smallest allowed (1,638 of 65,535) or above the upper one.
        AlphaLowOutOfRange,
        /// The parameter was changed a moment ago. Wait for the rate limit in blocks.
        TxRateLimitExceeded,
        /// An identity's field is longer than allowed.
        InvalidIdentity,
        /// The subnet has one mechanism only, number 0.
        MechanismDoesNotExist,
        /// There is no subnet with this netuid.
        SubnetNotExists,
        /// Ten commits already wait for their reveal.
        TooManyUnrevealedCommits,
        /// The epoch in which this commit could be revealed is over.
        ExpiredWeightCommit,
        /// The commit can be revealed only in a later epoch.
        RevealTooEarly,
        /// The lists of a batch differ in length.
        InputLengthsUnequal,
        /// The neuron committed a moment ago. Wait for the subnet's weights_rate_limit in blocks.
        CommittingWeightsTooFast,
        /// The amount is below the smallest stake (0.002 TAO), or zero.
        AmountTooLow,
        /// The price is beyond the limit given.
        SlippageTooHigh,
        /// The subnet does not let stake change its owner.
        TransferDisallowed,
        /// The subnet was started already.
        FirstEmissionBlockNumberAlreadySet,
        /// The subnet is too young to be started. Wait for the start call delay in blocks.
        NeedWaitingMoreBlocksToStarCall,
        /// The subnet was not started, so it takes no stake. Its owner starts it with start_call.
        SubtokenDisabled,
        /// From and to are the same place.
        SameNetuid,
        /// Parameters cannot be changed in the last blocks before an epoch. Wait until it is over.
        AdminActionProhibitedDuringWeightsWindow,
        /// The reveal period is above 100 epochs.
        RevealPeriodTooLarge,
        /// The reveal period is 0 epochs.
        RevealPeriodTooSmall,
        /// The chain has as many subnets as it may.
        SubnetLimitReached,
        /// The coldkey's free balance does not cover the lock cost and the existential deposit.
        CannotAffordLockCost,
        /// The price of a registration is above the limit given.
        RegistrationPriceLimitExceeded,
        /// A tempo is 360 to 50,400 blocks.
        TempoOutOfBounds,
        /// An activity cutoff is 1 to 50 tempos: 1,000 to 50,000 thousandths.
        ActivityCutoffFactorMilliOutOfBounds,
        /// An epoch out of turn was asked for already.
        EpochTriggerAlreadyPending,
        /// The next epoch is too near for one out of turn.
        AutoEpochAlreadyImminent,
        /// No epoch out of turn while weights are committed first: commits would miss their reveal.
        DynamicTempoBlockedByCommitReveal,
    }
}
