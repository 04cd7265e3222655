//! Neurons: the price, the seats, who makes room.

use frame_support::{assert_noop, assert_ok, traits::fungible::Inspect};

use super::mock::*;

fn register(coldkey: u64, hotkey: u64) -> sp_runtime::DispatchResult {
    SubtensorModule::burned_register(signed(coldkey), NETUID, hotkey)
}

/// A subnet of three seats, all prunable but the owner's.
fn full_subnet() {
    MaxAllowedUids::<Test>::insert(NETUID, 3);
    MinNonImmuneUids::<Test>::insert(NETUID, 0);
    neuron(ALICE, HOTKEY);
    neuron(ALICE, OTHER_HOTKEY);
}

#[test]
fn registering_burns_the_price_and_seats_the_hotkey() {
    ExtBuilder::default().with_subnet(|| {
        let issued = TotalIssuance::<Test>::get();
        let price = Burn::<Test>::get(NETUID);
        events();
        assert_eq!(neuron(ALICE, HOTKEY), 1);
        assert_eq!(Balances::balance(&ALICE), FUNDS - price);
        assert_eq!(TotalIssuance::<Test>::get(), issued - price);
        assert_eq!(RAORecycledForRegistration::<Test>::get(NETUID), price);
        assert_eq!(OwnedHotkeys::<Test>::get(ALICE), [HOTKEY]);
        assert_eq!(events(), [Event::NeuronRegistered(NETUID, 1, HOTKEY)]);
    });
}

#[test]
fn a_hotkey_can_sign_without_a_balance() {
    ExtBuilder::default().with_subnet(|| {
        neuron(ALICE, HOTKEY);
        assert_eq!(System::sufficients(&HOTKEY), 1);
        assert_eq!(Balances::balance(&HOTKEY), 0);
    });
}

#[test]
fn the_price_rises_with_each_neuron_and_halves_with_time() {
    ExtBuilder::default().with_subnet(|| {
        assert_eq!(Burn::<Test>::get(NETUID), TAO);
        neuron(ALICE, HOTKEY);
        assert_eq!(Burn::<Test>::get(NETUID), 1_260_000_000);
        advance(360);
        let halved = Burn::<Test>::get(NETUID);
        assert!((629_900_000..=630_000_000).contains(&halved), "{halved}");
        MinBurn::<Test>::insert(NETUID, 600_000_000);
        advance(360);
        assert_eq!(Burn::<Test>::get(NETUID), 600_000_000);
        MaxBurn::<Test>::insert(NETUID, 610_000_000);
        neuron(ALICE, OTHER_HOTKEY);
        assert_eq!(Burn::<Test>::get(NETUID), 610_000_000);
    });
}

#[test]
fn registering_is_refused_for_a_reason() {
    ExtBuilder::default().with_subnet(|| {
        let on = |netuid| SubtensorModule::burned_register(signed(ALICE), netuid, HOTKEY);
        assert_noop!(on(ROOT), Error::<Test>::RegistrationNotPermittedOnRootSubnet);
        assert_noop!(on(7), Error::<Test>::SubnetNotExists);
        assert_noop!(register(POOR, HOTKEY), Error::<Test>::NotEnoughBalanceToStake);
        assert_noop!(register(OWNER, OWNER_HOTKEY), Error::<Test>::HotKeyAlreadyRegisteredInSubNet);
        neuron(ALICE, HOTKEY);
        assert_eq!(start_subnet(OTHER_HOTKEY), 2);
        assert_noop!(register(BOB, OTHER_HOTKEY), Error::<Test>::NonAssociatedColdKey);
        NetworkRegistrationAllowed::<Test>::insert(NETUID, false);
        assert_noop!(register(ALICE, 200), Error::<Test>::SubNetRegistrationDisabled);
    });
}

#[test]
fn a_limit_guards_against_a_higher_price() {
    ExtBuilder::default().with_subnet(|| {
        let limited = |netuid, limit| SubtensorModule::register_limit(signed(ALICE), netuid, HOTKEY, limit);
        assert_noop!(limited(NETUID, TAO - 1), Error::<Test>::RegistrationPriceLimitExceeded);
        assert_noop!(limited(ROOT, TAO), Error::<Test>::RegistrationNotPermittedOnRootSubnet);
        assert_noop!(limited(7, TAO), Error::<Test>::SubnetNotExists);
        assert_ok!(limited(NETUID, TAO));
    });
}

#[test]
fn a_full_subnet_replaces_the_neuron_that_earns_least() {
    ExtBuilder::default().with_subnet(|| {
        full_subnet();
        advance(100);
        Emission::<Test>::insert(NETUID, vec![0, 7, 5]);
        assert_eq!(neuron(BOB, 200), 2);
        assert_eq!(SubtensorModule::hotkeys(NETUID), [OWNER_HOTKEY, HOTKEY, 200]);
        assert!(!Uids::<Test>::contains_key(NETUID, OTHER_HOTKEY));
    });
}

#[test]
fn a_replaced_neuron_leaves_no_trace() {
    ExtBuilder::default().with_subnet(|| {
        full_subnet();
        advance(100);
        assert_ok!(SubtensorModule::serve_axon(signed(HOTKEY), NETUID, 1, 1, 1, 4, 0, 0, 0));
        Weights::<Test>::insert(NETUID, 0, vec![(1, 9), (2, 3)]);
        Weights::<Test>::insert(NETUID, 1, vec![(2, 3)]);
        Bonds::<Test>::insert(NETUID, 1, vec![(2, 3)]);
        ValidatorPermit::<Test>::insert(NETUID, vec![false, true, false]);
        assert_eq!(neuron(BOB, 200), 1);
        assert_eq!(Axons::<Test>::get(NETUID, HOTKEY), None);
        assert!(!IsNetworkMember::<Test>::get(HOTKEY, NETUID));
        assert_eq!(Weights::<Test>::get(NETUID, 0), [(1, 0), (2, 3)]);
        assert!(Weights::<Test>::get(NETUID, 1).is_empty());
        assert!(Bonds::<Test>::get(NETUID, 1).is_empty());
        assert_eq!(ValidatorPermit::<Test>::get(NETUID), [false; 3]);
        assert_eq!(LastUpdate::<Test>::get(NETUID)[1], System::block_number());
        assert_eq!(BlockAtRegistration::<Test>::get(NETUID, 1), System::block_number());
    });
}

#[test]
fn a_replaced_neuron_keeps_its_stake() {
    ExtBuilder::default().with_subnet(|| {
        full_subnet();
        advance(100);
        stake(ALICE, HOTKEY, TAO);
        assert_eq!(neuron(BOB, 200), 1);
        assert_eq!(SubtensorModule::stake_of(&HOTKEY, &ALICE, NETUID), TAO);
    });
}

#[test]
fn immune_neurons_go_last() {
    ExtBuilder::default().with_subnet(|| {
        MaxAllowedUids::<Test>::insert(NETUID, 3);
        MinNonImmuneUids::<Test>::insert(NETUID, 0);
        neuron(ALICE, HOTKEY);
        advance(99);
        neuron(ALICE, OTHER_HOTKEY);
        advance(1);
        // HOTKEY is past its immunity and earns more; it goes all the same.
        Emission::<Test>::insert(NETUID, vec![0, 7, 0]);
        assert_eq!(SubtensorModule::neuron_to_prune(NETUID), Some(1));
        // Unless too few neurons would be left that can be pruned.
        MinNonImmuneUids::<Test>::insert(NETUID, 1);
        assert_eq!(SubtensorModule::neuron_to_prune(NETUID), Some(2));
    });
}

#[test]
fn the_owners_neuron_is_never_pruned() {
    ExtBuilder::default().with_subnet(|| {
        advance(200);
        MaxAllowedUids::<Test>::insert(NETUID, 1);
        assert_noop!(register(ALICE, HOTKEY), Error::<Test>::NoNeuronIdAvailable);
        MaxAllowedUids::<Test>::insert(NETUID, 2);
        neuron(OWNER, HOTKEY);
        advance(200);
        MinNonImmuneUids::<Test>::insert(NETUID, 0);
        assert_eq!(SubtensorModule::neuron_to_prune(NETUID), Some(1));
        ImmuneOwnerUidsLimit::<Test>::insert(NETUID, 2);
        assert_eq!(SubtensorModule::neuron_to_prune(NETUID), None);
    });
}

#[test]
fn a_hotkey_is_associated_once() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(SubtensorModule::try_associate_hotkey(signed(ALICE), HOTKEY));
        assert_ok!(SubtensorModule::try_associate_hotkey(signed(ALICE), HOTKEY));
        assert_eq!(OwnedHotkeys::<Test>::get(ALICE), [HOTKEY]);
        let refused = Error::<Test>::NonAssociatedColdKey;
        assert_noop!(SubtensorModule::try_associate_hotkey(signed(BOB), HOTKEY), refused);
    });
}
