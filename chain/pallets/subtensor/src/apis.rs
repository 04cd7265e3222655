//! What clients may ask: Bittensor's runtime APIs, as far as this chain has the feature, and one of ours.

#![allow(clippy::multiple_bound_locations, reason = "the macro's expansion repeats the bound")]

use alloc::{collections::BTreeMap, vec::Vec};

use codec::Codec;

use crate::{AlphaBalance, MechId, NetUid, TaoBalance, info::*};

sp_api::decl_runtime_apis! {
    /// Neurons of a subnet.
    pub trait NeuronInfoRuntimeApi<AccountId: Codec> {
        /// All neurons, without weights and bonds.
        fn get_neurons_lite(netuid: NetUid) -> Vec<NeuronInfoLite<AccountId>>;
        /// One neuron, without weights and bonds.
        fn get_neuron_lite(netuid: NetUid, uid: u16) -> Option<NeuronInfoLite<AccountId>>;
        /// All neurons.
        fn get_neurons(netuid: NetUid) -> Vec<NeuronInfo<AccountId>>;
        /// One neuron.
        fn get_neuron(netuid: NetUid, uid: u16) -> Option<NeuronInfo<AccountId>>;
    }

    /// Subnets.
    pub trait SubnetInfoRuntimeApi<AccountId: Codec> {
        /// What a subnet is.
        fn get_subnet_info(netuid: NetUid) -> Option<SubnetInfo<AccountId>>;
        /// What every subnet is.
        fn get_subnets_info() -> Vec<Option<SubnetInfo<AccountId>>>;
        /// What a subnet is, with its identity.
        fn get_subnet_info_v2(netuid: NetUid) -> Option<SubnetInfoV2<AccountId>>;
        /// What every subnet is, with its identity.
        fn get_subnets_info_v2() -> Vec<Option<SubnetInfoV2<AccountId>>>;
        /// A subnet's parameters.
        fn get_subnet_hyperparams(netuid: NetUid) -> Option<SubnetHyperparams>;
        /// A subnet's parameters, more of them.
        fn get_subnet_hyperparams_v2(netuid: NetUid) -> Option<SubnetHyperparamsV2>;
        /// A subnet's parameters by name.
        fn get_subnet_hyperparams_v3(netuid: NetUid) -> Option<Vec<HyperparamEntry>>;
        /// A subnet's money.
        fn get_dynamic_info(netuid: NetUid) -> Option<DynamicInfo<AccountId>>;
        /// Every subnet's money.
        fn get_all_dynamic_info() -> Vec<Option<DynamicInfo<AccountId>>>;
        /// Everything about a subnet, a vector a property.
        fn get_metagraph(netuid: NetUid) -> Option<Metagraph<AccountId>>;
        /// Everything about every subnet.
        fn get_all_metagraphs() -> Vec<Option<Metagraph<AccountId>>>;
        /// As `get_metagraph`, of a mechanism; there is only number 0.
        fn get_mechagraph(netuid: NetUid, mecid: MechId) -> Option<Metagraph<AccountId>>;
        /// The neurons of a subnet, a vector a property.
        fn get_subnet_state(netuid: NetUid) -> Option<SubnetState<AccountId>>;
        /// The subnet that a new one would replace: none, subnets are not replaced.
        fn get_subnet_to_prune() -> Option<NetUid>;
        /// The block of a subnet's next epoch.
        fn get_next_epoch_start_block(netuid: NetUid) -> Option<u64>;
        /// What a block mints now, in rao.
        fn get_block_emission() -> TaoBalance;
    }

    /// Stake.
    pub trait StakeInfoRuntimeApi<AccountId: Codec> {
        /// All stake of a coldkey.
        fn get_stake_info_for_coldkey(coldkey_account: AccountId) -> Vec<StakeInfo<AccountId>>;
        /// All stake of several coldkeys.
        fn get_stake_info_for_coldkeys(
            coldkey_accounts: Vec<AccountId>,
        ) -> Vec<(AccountId, Vec<StakeInfo<AccountId>>)>;
        /// A coldkey's stake at a hotkey on a subnet.
        fn get_stake_info_for_hotkey_coldkey_netuid(
            hotkey_account: AccountId,
            coldkey_account: AccountId,
            netuid: NetUid,
        ) -> Option<StakeInfo<AccountId>>;
        /// What coldkeys may take out, by subnet: everything, there are no locks.
        fn get_stake_availability_for_coldkeys(
            coldkey_accounts: Vec<AccountId>,
            netuids: Option<Vec<NetUid>>,
        ) -> BTreeMap<AccountId, BTreeMap<NetUid, StakeAvailability>> where AccountId: Ord;
        /// What staking costs: nothing but the transaction.
        fn get_stake_fee(
            origin: Option<(AccountId, NetUid)>,
            origin_coldkey_account: AccountId,
            destination: Option<(AccountId, NetUid)>,
            destination_coldkey_account: AccountId,
            amount: u64,
        ) -> u64;
    }

    /// Hotkeys that take stake of others.
    pub trait DelegateInfoRuntimeApi<AccountId: Codec> {
        /// All of them.
        fn get_delegates() -> Vec<DelegateInfo<AccountId>>;
        /// One of them.
        fn get_delegate(delegate_account: AccountId) -> Option<DelegateInfo<AccountId>>;
        /// Those at which a coldkey has stake.
        fn get_delegated(
            delegatee_account: AccountId,
        ) -> Vec<(DelegateInfo<AccountId>, SubnetStake)>;
    }

    /// Registration of subnets.
    pub trait SubnetRegistrationRuntimeApi {
        /// What registering a subnet locks now, in rao.
        fn get_network_registration_cost() -> TaoBalance;
    }

    /// Prices: an alpha is a TAO.
    pub trait SwapRuntimeApi {
        /// What an alpha costs, in rao.
        fn current_alpha_price(netuid: NetUid) -> u64;
        /// What every alpha costs.
        fn current_alpha_price_all() -> Vec<SubnetPrice>;
        /// What staking an amount would bring.
        fn sim_swap_tao_for_alpha(netuid: NetUid, tao: TaoBalance) -> SimSwapResult;
        /// What unstaking an amount would bring.
        fn sim_swap_alpha_for_tao(netuid: NetUid, alpha: AlphaBalance) -> SimSwapResult;
    }

    /// Baskets of root: there are none.
    pub trait BetaBasketRuntimeApi<AccountId: Codec> {
        /// What a coldkey's baskets owe it: 0.
        fn get_root_basket_owed(coldkey: AccountId) -> u64;
        /// A coldkey's baskets: none.
        fn get_root_basket_positions(coldkey: AccountId) -> Vec<(AccountId, u64, u64)>;
    }

    /// Ours.
    pub trait MeritnetApi {
        /// Names the first invariant that the state breaks.
        fn check_invariants() -> Result<(), Vec<u8>>;
    }
}
