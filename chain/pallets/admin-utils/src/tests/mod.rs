//! The setters' tests: who may, what is refused, what is set.

use frame_support::{assert_noop, assert_ok, derive_impl, traits::ConstU64};
use pallet_subtensor::{ConsensusMode, EpochRuleSet, Error as SubtensorError, pallet::*};
use sp_runtime::{BuildStorage, DispatchError};
use substrate_fixed::types::U64F64;

use crate as pallet_admin_utils;
use crate::Error;

type Block = frame_system::mocking::MockBlock<Test>;

#[frame_support::runtime]
mod runtime {
    #[runtime::runtime]
    #[runtime::derive(
        RuntimeCall,
        RuntimeEvent,
        RuntimeError,
        RuntimeOrigin,
        RuntimeFreezeReason,
        RuntimeHoldReason,
        RuntimeSlashReason,
        RuntimeLockId,
        RuntimeTask
    )]
    pub struct Test;

    #[runtime::pallet_index(0)]
    pub type System = frame_system;
    #[runtime::pallet_index(5)]
    pub type Balances = pallet_balances;
    #[runtime::pallet_index(7)]
    pub type SubtensorModule = pallet_subtensor;
    #[runtime::pallet_index(19)]
    pub type AdminUtils = pallet_admin_utils;
}

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = Block;
    type AccountData = pallet_balances::AccountData<u64>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type AccountStore = System;
    type ExistentialDeposit = ConstU64<500>;
}

impl pallet_subtensor::Config for Test {
    type Currency = Balances;
    type InitialStartCallDelay = ConstU64<0>;
}

impl crate::Config for Test {}

const OWNER: u64 = 1;
const STRANGER: u64 = 2;
const HOTKEY: u64 = 100;
const NETUID: u16 = 1;
const NO_SUBNET: u16 = 7;

/// Runs a test on a chain with one subnet, owned by OWNER.
fn with_subnet(test: impl FnOnce()) {
    let funds = 10_000_000_000_000;
    let mut storage = frame_system::GenesisConfig::<Test>::default().build_storage().unwrap();
    let balances = pallet_balances::GenesisConfig::<Test> { balances: vec![(OWNER, funds)], ..Default::default() };
    balances.assimilate_storage(&mut storage).unwrap();
    let subtensor = pallet_subtensor::GenesisConfig::<Test> { owner_hyperparam_rate_limit: 0, ..Default::default() };
    subtensor.assimilate_storage(&mut storage).unwrap();
    sp_io::TestExternalities::new(storage).execute_with(|| {
        System::set_block_number(1);
        assert_ok!(SubtensorModule::register_network(RuntimeOrigin::signed(OWNER), HOTKEY));
        test();
        assert_eq!(SubtensorModule::check_invariants(), Ok(()));
    });
}

fn owner() -> RuntimeOrigin {
    RuntimeOrigin::signed(OWNER)
}

fn stranger() -> RuntimeOrigin {
    RuntimeOrigin::signed(STRANGER)
}

fn root() -> RuntimeOrigin {
    RuntimeOrigin::root()
}

/// Both the owner and root may set, a stranger may not, and the subnet must exist.
macro_rules! owners {
    ($name:ident, $call:ident, $value:expr, $storage:ident) => {
        #[test]
        fn $name() {
            with_subnet(|| {
                assert_noop!(AdminUtils::$call(owner(), NO_SUBNET, $value), Error::<Test>::SubnetDoesNotExist);
                assert_noop!(AdminUtils::$call(stranger(), NETUID, $value), SubtensorError::<Test>::NotSubnetOwner);
                assert_ok!(AdminUtils::$call(owner(), NETUID, $value));
                assert_eq!($storage::<Test>::get(NETUID), $value);
                $storage::<Test>::remove(NETUID);
                assert_ok!(AdminUtils::$call(root(), NETUID, $value));
                assert_eq!($storage::<Test>::get(NETUID), $value);
            });
        }
    };
}

/// Only root may set, and the subnet must exist.
macro_rules! roots {
    ($name:ident, $call:ident, $value:expr, $storage:ident) => {
        #[test]
        fn $name() {
            with_subnet(|| {
                assert_noop!(AdminUtils::$call(owner(), NETUID, $value), DispatchError::BadOrigin);
                assert_noop!(AdminUtils::$call(root(), NO_SUBNET, $value), Error::<Test>::SubnetDoesNotExist);
                assert_ok!(AdminUtils::$call(root(), NETUID, $value));
                assert_eq!($storage::<Test>::get(NETUID), $value);
            });
        }
    };
}

/// Only root may set what is the whole chain's.
macro_rules! chains {
    ($name:ident, $call:ident, $value:expr, $storage:ident) => {
        #[test]
        fn $name() {
            with_subnet(|| {
                assert_noop!(AdminUtils::$call(owner(), $value), DispatchError::BadOrigin);
                assert_ok!(AdminUtils::$call(root(), $value));
                assert_eq!($storage::<Test>::get(), $value);
            });
        }
    };
}

owners!(serving_rate_limit, sudo_set_serving_rate_limit, 7, ServingRateLimit);
owners!(weights_version_key, sudo_set_weights_version_key, 7, WeightsVersionKey);
owners!(immunity_period, sudo_set_immunity_period, 7, ImmunityPeriod);
owners!(min_allowed_weights, sudo_set_min_allowed_weights, 7, MinAllowedWeights);
owners!(max_allowed_uids, sudo_set_max_allowed_uids, 77, MaxAllowedUids);
owners!(rho, sudo_set_rho, 7, Rho);
owners!(min_burn, sudo_set_min_burn, 7, MinBurn);
owners!(max_burn, sudo_set_max_burn, 200_000_000, MaxBurn);
owners!(burn_half_life, sudo_set_burn_half_life, 7, BurnHalfLife);
owners!(burn_increase_mult, sudo_set_burn_increase_mult, U64F64::from_num(2), BurnIncreaseMult);
owners!(bonds_moving_average, sudo_set_bonds_moving_average, 7, BondsMovingAverage);
owners!(bonds_penalty, sudo_set_bonds_penalty, 7, BondsPenalty);
owners!(commit_reveal, sudo_set_commit_reveal_weights_enabled, false, CommitRevealWeightsEnabled);
owners!(reveal_period, sudo_set_commit_reveal_weights_interval, 7, RevealPeriodEpochs);
owners!(liquid_alpha, sudo_set_liquid_alpha_enabled, true, LiquidAlphaOn);
owners!(liquid_alpha_mode, sudo_set_liquid_alpha_consensus_mode, ConsensusMode::Previous, LiquidAlphaConsensusMode);
owners!(epoch_rules, sudo_set_epoch_rules, RULES, EpochRules);
owners!(steepness, sudo_set_alpha_sigmoid_steepness, 7, AlphaSigmoidSteepness);
owners!(yuma3, sudo_set_yuma3_enabled, true, Yuma3On);
owners!(transfers, sudo_set_toggle_transfer, false, TransferToggle);
owners!(immune_owner_uids, sudo_set_owner_immune_neuron_limit, 7, ImmuneOwnerUidsLimit);
owners!(owner_cut_enabled, sudo_set_owner_cut_enabled, false, OwnerCutEnabled);

roots!(tempo, sudo_set_tempo, 7, Tempo);
roots!(weights_rate_limit, sudo_set_weights_set_rate_limit, 7, WeightsSetRateLimit);
roots!(kappa, sudo_set_kappa, 7, Kappa);
roots!(registration_allowed, sudo_set_network_registration_allowed, false, NetworkRegistrationAllowed);
roots!(max_allowed_validators, sudo_set_max_allowed_validators, 7, MaxAllowedValidators);
roots!(min_allowed_uids, sudo_set_min_allowed_uids, 0, MinAllowedUids);
roots!(min_non_immune_uids, sudo_set_min_non_immune_uids, 7, MinNonImmuneUids);
roots!(emission_enabled, sudo_set_subnet_emission_enabled, true, SubnetEmissionEnabled);
roots!(subtoken_enabled, sudo_set_subtoken_enabled, true, SubtokenEnabled);

chains!(largest_take, sudo_set_default_take, 7, MaxDelegateTake);
chains!(smallest_take, sudo_set_min_delegate_take, 7, MinDelegateTake);
chains!(tx_rate_limit, sudo_set_tx_rate_limit, 7, TxRateLimit);
chains!(delegate_rate_limit, sudo_set_tx_delegate_take_rate_limit, 7, TxDelegateTakeRateLimit);
chains!(owner_cut, sudo_set_subnet_owner_cut, 7, SubnetOwnerCut);
chains!(network_rate_limit, sudo_set_network_rate_limit, 7, NetworkRateLimit);
chains!(network_immunity_period, sudo_set_network_immunity_period, 7, NetworkImmunityPeriod);
chains!(min_lock_cost, sudo_set_network_min_lock_cost, 7, NetworkMinLockCost);
chains!(subnet_limit, sudo_set_subnet_limit, 7, SubnetLimit);
chains!(lock_reduction_interval, sudo_set_lock_reduction_interval, 7, NetworkLockReductionInterval);
chains!(stake_threshold, sudo_set_stake_threshold, 7, StakeThreshold);
chains!(admin_freeze_window, sudo_set_admin_freeze_window, 7, AdminFreezeWindow);
chains!(owner_rate_limit, sudo_set_owner_hparam_rate_limit, 7, OwnerHyperparamRateLimit);
chains!(start_call_delay, sudo_set_start_call_delay, 7, StartCallDelay);
chains!(max_epochs_per_block, sudo_set_max_epochs_per_block, 7, MaxEpochsPerBlock);

const RULES: EpochRuleSet = EpochRuleSet {
    carry_dust: true,
    absent_as_zero: true,
    average_stake: true,
    dated_weights: true,
    deviation_cost: 7,
    reveal_target: 8,
};

#[test]
fn what_was_kept_for_averages_goes_with_the_rule() {
    with_subnet(|| {
        StakeIntegral::<Test>::insert(NETUID, 5, (7, 1));
        assert_ok!(AdminUtils::sudo_set_epoch_rules(owner(), NETUID, RULES));
        assert_eq!(StakeIntegral::<Test>::get(NETUID, 5), Some((7, 1)));
        assert_ok!(AdminUtils::sudo_set_epoch_rules(root(), NETUID, EpochRuleSet::default()));
        assert_eq!(StakeIntegral::<Test>::get(NETUID, 5), None);
    });
}

#[test]
fn values_have_bounds() {
    with_subnet(|| {
        let bounds = Error::<Test>::ValueNotInBounds;
        assert_noop!(AdminUtils::sudo_set_min_burn(owner(), NETUID, 1_000_000_000), bounds);
        MaxBurn::<Test>::insert(NETUID, 5);
        assert_noop!(AdminUtils::sudo_set_min_burn(owner(), NETUID, 5), Error::<Test>::ValueNotInBounds);
        assert_noop!(AdminUtils::sudo_set_max_burn(owner(), NETUID, 100_000_000), Error::<Test>::ValueNotInBounds);
        MinBurn::<Test>::insert(NETUID, 300_000_000);
        assert_noop!(AdminUtils::sudo_set_max_burn(owner(), NETUID, 300_000_000), Error::<Test>::ValueNotInBounds);
        assert_noop!(AdminUtils::sudo_set_max_epochs_per_block(root(), 0), Error::<Test>::ValueNotInBounds);
        let invalid = Error::<Test>::InvalidValue;
        assert_noop!(AdminUtils::sudo_set_burn_half_life(owner(), NETUID, 0), invalid);
        assert_noop!(AdminUtils::sudo_set_burn_half_life(owner(), NETUID, 36_101), Error::<Test>::InvalidValue);
        let high = U64F64::from_num(3.1);
        assert_noop!(AdminUtils::sudo_set_burn_increase_mult(owner(), NETUID, high), Error::<Test>::InvalidValue);
        let early = SubtensorError::<Test>::RevealPeriodTooSmall;
        assert_noop!(AdminUtils::sudo_set_commit_reveal_weights_interval(owner(), NETUID, 0), early);
        let late = SubtensorError::<Test>::RevealPeriodTooLarge;
        assert_noop!(AdminUtils::sudo_set_commit_reveal_weights_interval(owner(), NETUID, 101), late);
    });
}

#[test]
fn limits_of_neurons_agree_with_each_other() {
    with_subnet(|| {
        let most = |count| AdminUtils::sudo_set_max_allowed_uids(root(), NETUID, count);
        assert_noop!(most(63), Error::<Test>::MaxAllowedUidsLessThanMinAllowedUids);
        assert_noop!(most(257), Error::<Test>::MaxAllowedUidsGreaterThanDefaultMaxAllowedUids);
        let least = |count| AdminUtils::sudo_set_min_allowed_uids(root(), NETUID, count);
        assert_noop!(least(256), Error::<Test>::MinAllowedUidsGreaterThanMaxAllowedUids);
        assert_noop!(least(1), Error::<Test>::MinAllowedUidsGreaterThanCurrentUids);
        assert_ok!(least(0));
        assert_noop!(most(0), Error::<Test>::MaxAllowedUIdsLessThanCurrentUIds);
        assert_ok!(most(1));
        let permits = |count| AdminUtils::sudo_set_max_allowed_validators(root(), NETUID, count);
        assert_noop!(permits(2), Error::<Test>::MaxValidatorsLargerThanMaxUIds);
    });
}

#[test]
fn root_may_more_than_the_owner() {
    with_subnet(|| {
        let slow = |origin| AdminUtils::sudo_set_bonds_moving_average(origin, NETUID, 975_001);
        assert_noop!(slow(owner()), Error::<Test>::BondsMovingAverageMaxReached);
        assert_ok!(slow(root()));
        let never = AdminUtils::sudo_set_bonds_moving_average(root(), NETUID, 1_000_001);
        assert_eq!(never, Err(Error::<Test>::BondsMovingAverageMaxReached.into()));
        let negative = |origin| AdminUtils::sudo_set_alpha_sigmoid_steepness(origin, NETUID, -1);
        assert_noop!(negative(owner()), Error::<Test>::NegativeSigmoidSteepness);
        assert_ok!(negative(root()));
    });
}

#[test]
fn alphas_are_for_liquid_alpha() {
    with_subnet(|| {
        let alphas = |low, high| AdminUtils::sudo_set_alpha_values(owner(), NETUID, low, high);
        assert_noop!(alphas(2_000, 3_000), SubtensorError::<Test>::LiquidAlphaDisabled);
        LiquidAlphaOn::<Test>::insert(NETUID, true);
        assert_noop!(alphas(1_638, 1_637), SubtensorError::<Test>::AlphaHighTooLow);
        assert_noop!(alphas(1_637, 3_000), SubtensorError::<Test>::AlphaLowOutOfRange);
        assert_noop!(alphas(3_001, 3_000), SubtensorError::<Test>::AlphaLowOutOfRange);
        assert_ok!(alphas(2_000, 3_000));
        assert_eq!(AlphaValues::<Test>::get(NETUID), (2_000, 3_000));
    });
}

#[test]
fn the_owner_hotkey_is_the_owners() {
    with_subnet(|| {
        let stand = |hotkey| AdminUtils::sudo_set_sn_owner_hotkey(owner(), NETUID, hotkey);
        assert_noop!(stand(101), SubtensorError::<Test>::NonAssociatedColdKey);
        assert_ok!(SubtensorModule::try_associate_hotkey(stranger(), 101));
        assert_noop!(stand(101), SubtensorError::<Test>::NonAssociatedColdKey);
        assert_ok!(SubtensorModule::try_associate_hotkey(owner(), 102));
        assert_ok!(stand(102));
        assert_eq!(SubnetOwnerHotkey::<Test>::get(NETUID), 102);
    });
}

#[test]
fn the_root_network_has_no_price_and_no_emission() {
    with_subnet(|| {
        let refused = || Error::<Test>::NotPermittedOnRootSubnet;
        assert_noop!(AdminUtils::sudo_set_burn_half_life(root(), 0, 7), refused());
        assert_noop!(AdminUtils::sudo_set_burn_increase_mult(root(), 0, U64F64::from_num(2)), refused());
        assert_noop!(AdminUtils::sudo_set_subnet_emission_enabled(root(), 0, true), refused());
        assert_noop!(AdminUtils::sudo_set_subtoken_enabled(root(), 0, true), refused());
        assert_noop!(AdminUtils::sudo_set_owner_cut_enabled(root(), 0, true), refused());
    });
}

#[test]
fn the_owner_waits_for_the_rate_limit() {
    with_subnet(|| {
        OwnerHyperparamRateLimit::<Test>::put(2);
        Tempo::<Test>::insert(NETUID, 10);
        AdminFreezeWindow::<Test>::put(0);
        assert_ok!(AdminUtils::sudo_set_rho(owner(), NETUID, 1));
        assert_noop!(AdminUtils::sudo_set_rho(owner(), NETUID, 2), SubtensorError::<Test>::TxRateLimitExceeded);
        // Each parameter has a limit of its own, and root has none.
        assert_ok!(AdminUtils::sudo_set_immunity_period(owner(), NETUID, 2));
        assert_ok!(AdminUtils::sudo_set_rho(root(), NETUID, 2));
        System::set_block_number(21);
        assert_ok!(AdminUtils::sudo_set_rho(owner(), NETUID, 3));
    });
}
