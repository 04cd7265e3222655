//! What happened, for those who watch.

use frame_support::pallet_macros::pallet_section;

#[pallet_section]
mod events {
    /// What happened, in Bittensor's names and fields.
    #[pallet::event]
    #[pallet::generate_deposit(pub(crate) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A subnet was registered: netuid, mechanism.
        NetworkAdded(NetUid, u16),
        /// A subnet was dissolved: netuid.
        NetworkRemoved(NetUid),
        /// Stake was added: coldkey, hotkey, TAO paid, alpha got, netuid, fee.
        StakeAdded(T::AccountId, T::AccountId, TaoBalance, AlphaBalance, NetUid, u64),
        /// Stake was removed: coldkey, hotkey, TAO got, alpha given, netuid, fee.
        StakeRemoved(T::AccountId, T::AccountId, TaoBalance, AlphaBalance, NetUid, u64),
        /// Stake moved between hotkeys or subnets: coldkey, from hotkey and netuid, to hotkey and netuid, TAO.
        StakeMoved(T::AccountId, T::AccountId, NetUid, T::AccountId, NetUid, TaoBalance),
        /// Stake got another owner: from coldkey, to coldkey, hotkey, from netuid, to netuid, TAO.
        StakeTransferred(T::AccountId, T::AccountId, T::AccountId, NetUid, NetUid, TaoBalance),
        /// Stake moved between subnets: coldkey, hotkey, from netuid, to netuid, TAO.
        StakeSwapped(T::AccountId, T::AccountId, NetUid, NetUid, TaoBalance),
        /// Weights were stored: where, uid.
        WeightsSet(NetUidStorageIndex, u16),
        /// A neuron was registered: netuid, uid, hotkey.
        NeuronRegistered(NetUid, u16, T::AccountId),
        /// A neuron announced its address: netuid, hotkey.
        AxonServed(NetUid, T::AccountId),
        /// A neuron announced its metrics: netuid, hotkey.
        PrometheusServed(NetUid, T::AccountId),
        /// Weights were committed: hotkey, where, hash.
        WeightsCommitted(T::AccountId, NetUidStorageIndex, H256),
        /// Committed weights were revealed: hotkey, where, hash.
        WeightsRevealed(T::AccountId, NetUidStorageIndex, H256),
        /// Several commits were revealed at once: hotkey, netuid, hashes.
        WeightsBatchRevealed(T::AccountId, NetUid, Vec<H256>),
        /// A batch of weights or commits was worked off: netuids, hotkey.
        BatchWeightsCompleted(Vec<codec::Compact<NetUid>>, T::AccountId),
        /// At least one part of a batch failed.
        BatchCompletedWithErrors(),
        /// A part of a batch failed: netuid, why.
        BatchWeightItemFailed(NetUid, sp_runtime::DispatchError),
        /// A hotkey takes less of its delegators' dividends: coldkey, hotkey, take of 65,535.
        TakeDecreased(T::AccountId, T::AccountId, u16),
        /// A hotkey takes more of its delegators' dividends: coldkey, hotkey, take of 65,535.
        TakeIncreased(T::AccountId, T::AccountId, u16),
        /// A subnet describes itself anew: netuid.
        SubnetIdentitySet(NetUid),
        /// A subnet starts to receive emission: netuid, first block.
        FirstEmissionBlockNumberSet(NetUid, u64),
        /// What an epoch paid to miners, by uid.
        IncentiveAlphaEmittedToMiners {
            /// Subnet.
            netuid: NetUidStorageIndex,
            /// Rao, an entry a uid.
            emissions: Vec<AlphaBalance>,
        },
        /// The owner asked for an epoch out of turn.
        EpochTriggered {
            /// Subnet.
            netuid: NetUid,
            /// The owner.
            by: T::AccountId,
            /// Earliest block of the epoch.
            fires_at: u64,
        },
        /// An epoch was put off because the block had enough of them.
        EpochDeferred {
            /// Subnet.
            netuid: NetUid,
            /// Block in which it was due.
            from_block: u64,
            /// Block to which it was put off.
            to_block: u64,
        },
        /// A hyperparameter of a subnet was changed: netuid, tempo in blocks.
        TempoSet(NetUid, u16),
        /// Netuid, factor in thousandths of a tempo.
        ActivityCutoffFactorMilliSet {
            /// Subnet.
            netuid: NetUid,
            /// Thousandths of a tempo.
            factor_milli: u32,
        },
        /// Netuid, epochs between commit and reveal.
        CommitRevealPeriodsSet(NetUid, u64),
        /// Netuid, whether weights are committed first.
        CommitRevealEnabled(NetUid, bool),
        /// The hotkey that stands for the owner of a subnet: netuid, hotkey.
        SubnetOwnerHotkeySet(NetUid, T::AccountId),
        /// Whether stake may be given to another coldkey: netuid, on or off.
        TransferToggle(NetUid, bool),
    }
}
