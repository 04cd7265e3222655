//! What clients are told.

use codec::Compact;
use frame_support::assert_ok;

use super::mock::*;

fn some_life() {
    weights_directly();
    neuron(ALICE, HOTKEY);
    neuron(BOB, OTHER_HOTKEY);
    stake(ALICE, HOTKEY, 60 * TAO);
    stake(BOB, HOTKEY, 20 * TAO);
    assert_ok!(SubtensorModule::serve_axon(signed(OTHER_HOTKEY), NETUID, 1, 1 << 40, 8091, 6, 4, 0, 0));
    run_epoch(NETUID);
    weigh(HOTKEY, &[(2, 1)]);
    run_epoch(NETUID);
}

#[test]
fn the_metagraph_has_an_entry_a_uid() {
    ExtBuilder::default().with_subnet(|| {
        some_life();
        let all = SubtensorModule::get_metagraph(NETUID).unwrap();
        assert_eq!(all.hotkeys, [OWNER_HOTKEY, HOTKEY, OTHER_HOTKEY]);
        assert_eq!(all.coldkeys, [OWNER, ALICE, BOB]);
        assert_eq!(all.axons.iter().map(|axon| axon.port).collect::<Vec<_>>(), [0, 0, 8091]);
        assert_eq!(all.incentives[2], Compact(65_535));
        assert_eq!(all.dividends[1], Compact(65_535));
        assert_eq!(all.total_stake[1].0, TotalHotkeyAlpha::<Test>::get(HOTKEY, NETUID));
        let lengths = [all.active.len(), all.validator_permit.len(), all.last_update.len(), all.emission.len()];
        assert_eq!(lengths, [3; 4]);
        assert_eq!(all.alpha_dividends_per_hotkey.len(), 3);
        assert_eq!(all.block.0, System::block_number());
        assert_eq!(all.name, b"subnet 1".map(Compact));
        assert_eq!(SubtensorModule::get_metagraph(7), None);
        let state = SubtensorModule::get_subnet_state(NETUID).unwrap();
        assert_eq!((state.hotkeys, state.emission), (all.hotkeys, all.emission));
    });
}

#[test]
fn a_neuron_comes_with_its_rows() {
    ExtBuilder::default().with_subnet(|| {
        some_life();
        let neuron = SubtensorModule::get_neuron(NETUID, 1).unwrap();
        assert_eq!(neuron.weights, [(Compact(2), Compact(65_535))]);
        assert_eq!(neuron.bonds.len(), 1);
        assert_eq!(neuron.stake, [(ALICE, Compact(TotalHotkeyAlpha::<Test>::get(HOTKEY, NETUID)))]);
        assert!(neuron.validator_permit);
        assert_eq!(SubtensorModule::get_neurons(NETUID)[1], neuron);
        assert_eq!(SubtensorModule::get_neurons_lite(NETUID)[1], SubtensorModule::get_neuron_lite(NETUID, 1).unwrap());
        assert_eq!(SubtensorModule::get_neuron(NETUID, 3), None);
    });
}

#[test]
fn parameters_come_in_three_forms() {
    ExtBuilder::default().with_subnet(|| {
        let first = SubtensorModule::get_subnet_hyperparams(NETUID).unwrap();
        let second = SubtensorModule::get_subnet_hyperparams_v2(NETUID).unwrap();
        let third = SubtensorModule::get_subnet_hyperparams_v3(NETUID).unwrap();
        assert_eq!((first.tempo, first.kappa), (Compact(20), Compact(32_767)));
        assert_eq!((second.tempo, second.yuma_version), (Compact(20), Compact(3)));
        let tempo = third.iter().find(|entry| entry.name == b"tempo").unwrap();
        assert_eq!(tempo.value, info::HyperparamValue::U16(Compact(20)));
        assert_eq!(third.len(), 34);
        assert_eq!(SubtensorModule::get_subnet_hyperparams(7), None);
    });
}

#[test]
fn a_subnet_tells_what_it_is_and_holds() {
    ExtBuilder::default().with_subnet(|| {
        some_life();
        let info = SubtensorModule::get_subnet_info(NETUID).unwrap();
        assert_eq!((info.owner, info.subnetwork_n), (OWNER, Compact(3)));
        let held = SubtensorModule::get_dynamic_info(NETUID).unwrap();
        assert_eq!(held.tao_in.0, SubnetTAO::<Test>::get(NETUID));
        assert_eq!(held.moving_price, 1);
        assert_eq!(held.token_symbol, "α".bytes().map(Compact).collect::<Vec<_>>());
        assert_eq!(SubtensorModule::get_dynamic_info(7), None);
    });
}

#[test]
fn stake_is_told_by_coldkey_and_by_hotkey() {
    ExtBuilder::default().with_subnet(|| {
        some_life();
        let stakes = SubtensorModule::get_stake_info_for_coldkey(BOB);
        assert_eq!(stakes.iter().map(|stake| stake.hotkey).collect::<Vec<_>>(), [HOTKEY, OTHER_HOTKEY]);
        assert!(stakes[0].stake.0 > 20 * TAO && stakes[0].is_registered);
        let free = SubtensorModule::stake_availability(&BOB, Some(&[NETUID]));
        let total = stakes.iter().map(|stake| stake.stake.0).sum::<u64>();
        assert_eq!(free[&NETUID].available, Compact(total));
        assert!(SubtensorModule::stake_availability(&BOB, Some(&[7])).is_empty());
        let delegate = SubtensorModule::get_delegate(HOTKEY).unwrap();
        assert_eq!(delegate.nominators.len(), 2);
        assert_eq!(delegate.registrations, [Compact(NETUID)]);
        assert_eq!(delegate.validator_permits, [Compact(NETUID)]);
        assert_eq!(SubtensorModule::get_delegates().len(), 3);
        assert_eq!(SubtensorModule::get_delegated(BOB).len(), 2);
        assert_eq!(SubtensorModule::get_delegate(POOR), None);
    });
}

#[test]
fn free_calls_are_for_hotkeys() {
    use frame_support::dispatch::{GetDispatchInfo, Pays};
    use sp_runtime::{traits::DispatchTransaction, transaction_validity::InvalidTransaction};
    ExtBuilder::default().with_subnet(|| {
        let call: RuntimeCall =
            Call::set_weights { netuid: NETUID, dests: vec![], weights: vec![], version_key: 0 }.into();
        let info = call.get_dispatch_info();
        assert_eq!(info.pays_fee, Pays::No);
        let extension = || SubtensorTransactionExtension::<Test>::default();
        let validate = |who, call: &RuntimeCall| {
            extension().validate_only(
                signed(who),
                call,
                &call.get_dispatch_info(),
                0,
                sp_runtime::transaction_validity::TransactionSource::External,
                0,
            )
        };
        assert_eq!(validate(ALICE, &call).err(), Some(InvalidTransaction::Custom(4).into()));
        assert!(validate(OWNER_HOTKEY, &call).is_ok());
        let paid: RuntimeCall = Call::start_call { netuid: NETUID }.into();
        assert!(validate(ALICE, &paid).is_ok());
    });
}
