//! What a node and its clients may ask of the runtime.

use alloc::{collections::BTreeMap, vec::Vec};

use frame_support::{
    genesis_builder_helper::{build_state, get_preset},
    weights::Weight,
};
use pallet_grandpa::AuthorityId as GrandpaId;
use pallet_subtensor::{AlphaBalance, MAIN_MECHANISM, MechId, NetUid, STABLE_PRICE_RAO, TaoBalance, apis, info};
use sp_api::impl_runtime_apis;
use sp_consensus_aura::sr25519::AuthorityId as AuraId;
use sp_core::{OpaqueMetadata, crypto::KeyTypeId};
use sp_runtime::{
    ApplyExtrinsicResult,
    traits::{Block as BlockT, NumberFor},
    transaction_validity::{TransactionSource, TransactionValidity},
};
use sp_session::OpaqueGeneratedSessionKeys;
use sp_version::RuntimeVersion;

use crate::{
    AccountId, Aura, Balance, Block, Executive, Grandpa, InherentDataExt, Nonce, Runtime, RuntimeCall,
    RuntimeGenesisConfig, SessionKeys, SubtensorModule, System, TransactionPayment, VERSION, presets,
};

impl_runtime_apis! {
    impl sp_api::Core<Block> for Runtime {
        fn version() -> RuntimeVersion {
            VERSION
        }

        fn execute_block(block: <Block as BlockT>::LazyBlock) {
            Executive::execute_block(block);
        }

        fn initialize_block(header: &<Block as BlockT>::Header) -> sp_runtime::ExtrinsicInclusionMode {
            Executive::initialize_block(header)
        }
    }

    impl sp_api::Metadata<Block> for Runtime {
        fn metadata() -> OpaqueMetadata {
            OpaqueMetadata::new(Runtime::metadata().into())
        }

        fn metadata_at_version(version: u32) -> Option<OpaqueMetadata> {
            Runtime::metadata_at_version(version)
        }

        fn metadata_versions() -> Vec<u32> {
            Runtime::metadata_versions()
        }
    }

    impl frame_support::view_functions::runtime_api::RuntimeViewFunction<Block> for Runtime {
        fn execute_view_function(
            id: frame_support::view_functions::ViewFunctionId,
            input: Vec<u8>,
        ) -> Result<Vec<u8>, frame_support::view_functions::ViewFunctionDispatchError> {
            Runtime::execute_view_function(id, input)
        }
    }

    impl sp_block_builder::BlockBuilder<Block> for Runtime {
        fn apply_extrinsic(extrinsic: <Block as BlockT>::Extrinsic) -> ApplyExtrinsicResult {
            Executive::apply_extrinsic(extrinsic)
        }

        fn finalize_block() -> <Block as BlockT>::Header {
            Executive::finalize_block()
        }

        fn inherent_extrinsics(data: sp_inherents::InherentData) -> Vec<<Block as BlockT>::Extrinsic> {
            data.create_extrinsics()
        }

        fn check_inherents(
            block: <Block as BlockT>::LazyBlock,
            data: sp_inherents::InherentData,
        ) -> sp_inherents::CheckInherentsResult {
            data.check_extrinsics(&block)
        }
    }

    impl sp_transaction_pool::runtime_api::TaggedTransactionQueue<Block> for Runtime {
        fn validate_transaction(
            source: TransactionSource,
            tx: <Block as BlockT>::Extrinsic,
            block_hash: <Block as BlockT>::Hash,
        ) -> TransactionValidity {
            Executive::validate_transaction(source, tx, block_hash)
        }
    }

    impl sp_offchain::OffchainWorkerApi<Block> for Runtime {
        fn offchain_worker(header: &<Block as BlockT>::Header) {
            Executive::offchain_worker(header)
        }
    }

    impl sp_consensus_aura::AuraApi<Block, AuraId> for Runtime {
        fn slot_duration() -> sp_consensus_aura::SlotDuration {
            sp_consensus_aura::SlotDuration::from_millis(Aura::slot_duration())
        }

        fn authorities() -> Vec<AuraId> {
            pallet_aura::Authorities::<Runtime>::get().into_inner()
        }
    }

    impl sp_consensus_grandpa::GrandpaApi<Block> for Runtime {
        fn grandpa_authorities() -> sp_consensus_grandpa::AuthorityList {
            Grandpa::grandpa_authorities()
        }

        fn current_set_id() -> sp_consensus_grandpa::SetId {
            Grandpa::current_set_id()
        }

        fn submit_report_equivocation_unsigned_extrinsic(
            _proof: sp_consensus_grandpa::EquivocationProof<<Block as BlockT>::Hash, NumberFor<Block>>,
            _owner: sp_consensus_grandpa::OpaqueKeyOwnershipProof,
        ) -> Option<()> {
            None
        }

        fn generate_key_ownership_proof(
            _set: sp_consensus_grandpa::SetId,
            _authority: GrandpaId,
        ) -> Option<sp_consensus_grandpa::OpaqueKeyOwnershipProof> {
            // Nobody is punished for equivocation here, so nobody proves ownership of a key.
            None
        }
    }

    impl sp_session::SessionKeys<Block> for Runtime {
        fn generate_session_keys(owner: Vec<u8>, seed: Option<Vec<u8>>) -> OpaqueGeneratedSessionKeys {
            SessionKeys::generate(&owner, seed).into()
        }

        fn decode_session_keys(encoded: Vec<u8>) -> Option<Vec<(Vec<u8>, KeyTypeId)>> {
            SessionKeys::decode_into_raw_public_keys(&encoded)
        }
    }

    impl frame_system_rpc_runtime_api::AccountNonceApi<Block, AccountId, Nonce> for Runtime {
        fn account_nonce(account: AccountId) -> Nonce {
            System::account_nonce(account)
        }
    }

    impl pallet_transaction_payment_rpc_runtime_api::TransactionPaymentApi<Block, Balance> for Runtime {
        fn query_info(
            tx: <Block as BlockT>::Extrinsic,
            length: u32,
        ) -> pallet_transaction_payment_rpc_runtime_api::RuntimeDispatchInfo<Balance> {
            TransactionPayment::query_info(tx, length)
        }

        fn query_fee_details(
            tx: <Block as BlockT>::Extrinsic,
            length: u32,
        ) -> pallet_transaction_payment::FeeDetails<Balance> {
            TransactionPayment::query_fee_details(tx, length)
        }

        fn query_weight_to_fee(weight: Weight) -> Balance {
            TransactionPayment::weight_to_fee(weight)
        }

        fn query_length_to_fee(length: u32) -> Balance {
            TransactionPayment::length_to_fee(length)
        }
    }

    impl pallet_transaction_payment_rpc_runtime_api::TransactionPaymentCallApi<Block, Balance, RuntimeCall>
        for Runtime
    {
        fn query_call_info(
            call: RuntimeCall,
            length: u32,
        ) -> pallet_transaction_payment_rpc_runtime_api::RuntimeDispatchInfo<Balance> {
            TransactionPayment::query_call_info(call, length)
        }

        fn query_call_fee_details(
            call: RuntimeCall,
            length: u32,
        ) -> pallet_transaction_payment::FeeDetails<Balance> {
            TransactionPayment::query_call_fee_details(call, length)
        }

        fn query_weight_to_fee(weight: Weight) -> Balance {
            TransactionPayment::weight_to_fee(weight)
        }

        fn query_length_to_fee(length: u32) -> Balance {
            TransactionPayment::length_to_fee(length)
        }
    }

    impl sp_genesis_builder::GenesisBuilder<Block> for Runtime {
        fn build_state(config: Vec<u8>) -> sp_genesis_builder::Result {
            build_state::<RuntimeGenesisConfig>(config)
        }

        fn get_preset(id: &Option<sp_genesis_builder::PresetId>) -> Option<Vec<u8>> {
            get_preset::<RuntimeGenesisConfig>(id, presets::preset)
        }

        fn preset_names() -> Vec<sp_genesis_builder::PresetId> {
            presets::names()
        }
    }

    impl apis::NeuronInfoRuntimeApi<Block, AccountId> for Runtime {
        fn get_neurons_lite(netuid: NetUid) -> Vec<info::NeuronInfoLite<AccountId>> {
            SubtensorModule::get_neurons_lite(netuid)
        }

        fn get_neuron_lite(netuid: NetUid, uid: u16) -> Option<info::NeuronInfoLite<AccountId>> {
            SubtensorModule::get_neuron_lite(netuid, uid)
        }

        fn get_neurons(netuid: NetUid) -> Vec<info::NeuronInfo<AccountId>> {
            SubtensorModule::get_neurons(netuid)
        }

        fn get_neuron(netuid: NetUid, uid: u16) -> Option<info::NeuronInfo<AccountId>> {
            SubtensorModule::get_neuron(netuid, uid)
        }
    }

    impl apis::SubnetInfoRuntimeApi<Block, AccountId> for Runtime {
        fn get_subnet_info(netuid: NetUid) -> Option<info::SubnetInfo<AccountId>> {
            SubtensorModule::get_subnet_info(netuid)
        }

        fn get_subnets_info() -> Vec<Option<info::SubnetInfo<AccountId>>> {
            SubtensorModule::netuids().into_iter().map(SubtensorModule::get_subnet_info).collect()
        }

        fn get_subnet_info_v2(netuid: NetUid) -> Option<info::SubnetInfoV2<AccountId>> {
            SubtensorModule::get_subnet_info_v2(netuid)
        }

        fn get_subnets_info_v2() -> Vec<Option<info::SubnetInfoV2<AccountId>>> {
            SubtensorModule::netuids().into_iter().map(SubtensorModule::get_subnet_info_v2).collect()
        }

        fn get_subnet_hyperparams(netuid: NetUid) -> Option<info::SubnetHyperparams> {
            SubtensorModule::get_subnet_hyperparams(netuid)
        }

        fn get_subnet_hyperparams_v2(netuid: NetUid) -> Option<info::SubnetHyperparamsV2> {
            SubtensorModule::get_subnet_hyperparams_v2(netuid)
        }

        fn get_subnet_hyperparams_v3(netuid: NetUid) -> Option<Vec<info::HyperparamEntry>> {
            SubtensorModule::get_subnet_hyperparams_v3(netuid)
        }

        fn get_dynamic_info(netuid: NetUid) -> Option<info::DynamicInfo<AccountId>> {
            SubtensorModule::get_dynamic_info(netuid)
        }

        fn get_all_dynamic_info() -> Vec<Option<info::DynamicInfo<AccountId>>> {
            SubtensorModule::netuids().into_iter().map(SubtensorModule::get_dynamic_info).collect()
        }

        fn get_metagraph(netuid: NetUid) -> Option<info::Metagraph<AccountId>> {
            SubtensorModule::get_metagraph(netuid)
        }

        fn get_all_metagraphs() -> Vec<Option<info::Metagraph<AccountId>>> {
            SubtensorModule::netuids().into_iter().map(SubtensorModule::get_metagraph).collect()
        }

        fn get_mechagraph(netuid: NetUid, mecid: MechId) -> Option<info::Metagraph<AccountId>> {
            if mecid == MAIN_MECHANISM { SubtensorModule::get_metagraph(netuid) } else { None }
        }

        fn get_subnet_state(netuid: NetUid) -> Option<info::SubnetState<AccountId>> {
            SubtensorModule::get_subnet_state(netuid)
        }

        fn get_subnet_to_prune() -> Option<NetUid> {
            None
        }

        fn get_next_epoch_start_block(netuid: NetUid) -> Option<u64> {
            SubtensorModule::next_epoch_block(netuid)
        }

        fn get_block_emission() -> TaoBalance {
            pallet_subtensor::BlockEmission::<Runtime>::get()
        }
    }

    impl apis::StakeInfoRuntimeApi<Block, AccountId> for Runtime {
        fn get_stake_info_for_coldkey(coldkey_account: AccountId) -> Vec<info::StakeInfo<AccountId>> {
            SubtensorModule::get_stake_info_for_coldkey(coldkey_account)
        }

        fn get_stake_info_for_coldkeys(
            coldkey_accounts: Vec<AccountId>,
        ) -> Vec<(AccountId, Vec<info::StakeInfo<AccountId>>)> {
            let stakes = |coldkey: AccountId| (coldkey.clone(), SubtensorModule::get_stake_info_for_coldkey(coldkey));
            coldkey_accounts.into_iter().map(stakes).collect()
        }

        fn get_stake_info_for_hotkey_coldkey_netuid(
            hotkey_account: AccountId,
            coldkey_account: AccountId,
            netuid: NetUid,
        ) -> Option<info::StakeInfo<AccountId>> {
            Some(SubtensorModule::get_stake_info_for_hotkey_coldkey_netuid(hotkey_account, coldkey_account, netuid))
        }

        fn get_stake_availability_for_coldkeys(
            coldkey_accounts: Vec<AccountId>,
            netuids: Option<Vec<NetUid>>,
        ) -> BTreeMap<AccountId, BTreeMap<NetUid, info::StakeAvailability>> {
            let free = |coldkey: AccountId| {
                let stakes = SubtensorModule::stake_availability(&coldkey, netuids.as_deref());
                (coldkey, stakes)
            };
            coldkey_accounts.into_iter().map(free).collect()
        }

        fn get_stake_fee(
            _origin: Option<(AccountId, NetUid)>,
            _origin_coldkey_account: AccountId,
            _destination: Option<(AccountId, NetUid)>,
            _destination_coldkey_account: AccountId,
            _amount: u64,
        ) -> u64 {
            0
        }
    }

    impl apis::DelegateInfoRuntimeApi<Block, AccountId> for Runtime {
        fn get_delegates() -> Vec<info::DelegateInfo<AccountId>> {
            SubtensorModule::get_delegates()
        }

        fn get_delegate(delegate_account: AccountId) -> Option<info::DelegateInfo<AccountId>> {
            SubtensorModule::get_delegate(delegate_account)
        }

        fn get_delegated(
            delegatee_account: AccountId,
        ) -> Vec<(info::DelegateInfo<AccountId>, info::SubnetStake)> {
            SubtensorModule::get_delegated(delegatee_account)
        }
    }

    impl apis::SubnetRegistrationRuntimeApi<Block> for Runtime {
        fn get_network_registration_cost() -> TaoBalance {
            SubtensorModule::network_lock_cost()
        }
    }

    impl apis::SwapRuntimeApi<Block> for Runtime {
        fn current_alpha_price(_netuid: NetUid) -> u64 {
            STABLE_PRICE_RAO
        }

        fn current_alpha_price_all() -> Vec<info::SubnetPrice> {
            let price = |netuid| info::SubnetPrice { netuid, price: STABLE_PRICE_RAO };
            SubtensorModule::netuids().into_iter().map(price).collect()
        }

        fn sim_swap_tao_for_alpha(_netuid: NetUid, tao: TaoBalance) -> info::SimSwapResult {
            info::SimSwapResult::even(tao)
        }

        fn sim_swap_alpha_for_tao(_netuid: NetUid, alpha: AlphaBalance) -> info::SimSwapResult {
            info::SimSwapResult::even(alpha)
        }
    }

    impl apis::BetaBasketRuntimeApi<Block, AccountId> for Runtime {
        fn get_root_basket_owed(_coldkey: AccountId) -> u64 {
            0
        }

        fn get_root_basket_positions(_coldkey: AccountId) -> Vec<(AccountId, u64, u64)> {
            Vec::new()
        }
    }

    impl apis::MeritnetApi<Block> for Runtime {
        fn check_invariants() -> Result<(), Vec<u8>> {
            SubtensorModule::check_invariants().map_err(|broken| broken.into())
        }
    }
}
