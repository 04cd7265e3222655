//! What the chain starts with.

use frame_support::pallet_macros::pallet_section;

#[pallet_section]
mod genesis {
    /// Where chains differ at their start. The default is Bittensor's.
    #[pallet::genesis_config]
    pub struct GenesisConfig<T: Config> {
        /// What a subnet starts with.
        pub subnets: SubnetDefaults,
        /// Blocks between two registrations of subnets.
        pub network_rate_limit: u64,
        /// The least that registering a subnet locks, in rao.
        pub network_min_lock_cost: TaoBalance,
        /// Blocks between a subnet's registration and its start.
        pub start_call_delay: u64,
        /// Blocks before an epoch in which owners change no parameters.
        pub admin_freeze_window: u16,
        /// Tempos between two changes of one parameter by a subnet's owner.
        pub owner_hyperparam_rate_limit: u16,
        /// Blocks between two key swaps of one account.
        pub tx_rate_limit: u64,
        /// Stake below which a hotkey sets no weights, in rao.
        pub stake_threshold: u64,
        /// Epochs that one block may run.
        pub max_epochs_per_block: u8,
        #[serde(skip)]
        #[doc(hidden)]
        pub _config: core::marker::PhantomData<T>,
    }

    impl<T: Config> Default for GenesisConfig<T> {
        fn default() -> Self {
            Self {
                subnets: SubnetDefaults::default(),
                network_rate_limit: 7_200,
                network_min_lock_cost: 1_000 * RAO_PER_TAO,
                start_call_delay: T::InitialStartCallDelay::get(),
                admin_freeze_window: 10,
                owner_hyperparam_rate_limit: 2,
                tx_rate_limit: 1_000,
                stake_threshold: 0,
                max_epochs_per_block: 2,
                _config: Default::default(),
            }
        }
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            NewSubnetDefaults::<T>::put(&self.subnets);
            NetworkRateLimit::<T>::put(self.network_rate_limit);
            NetworkMinLockCost::<T>::put(self.network_min_lock_cost);
            StartCallDelay::<T>::put(self.start_call_delay);
            AdminFreezeWindow::<T>::put(self.admin_freeze_window);
            OwnerHyperparamRateLimit::<T>::put(self.owner_hyperparam_rate_limit);
            TxRateLimit::<T>::put(self.tx_rate_limit);
            StakeThreshold::<T>::put(self.stake_threshold);
            MaxEpochsPerBlock::<T>::put(self.max_epochs_per_block);
            Pallet::<T>::open_root_network();
            TotalIssuance::<T>::put(<T::Currency as fungible::Inspect<T::AccountId>>::total_issuance());
        }
    }
}
