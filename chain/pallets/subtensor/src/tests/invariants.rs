//! The invariants notice what they are there for. Each test breaks one rule, sees it named, and mends it.

use super::mock::*;

fn broken() -> &'static str {
    SubtensorModule::check_invariants().unwrap_err()
}

#[test]
fn issuance_must_be_somewhere() {
    ExtBuilder::default().with_subnet(|| {
        TotalIssuance::<Test>::mutate(|issued| *issued += 1);
        assert_eq!(broken(), "TotalIssuance is not balances + stake + locks + pots");
        TotalIssuance::<Test>::mutate(|issued| *issued -= 1);
        PendingServerEmission::<Test>::insert(NETUID, 1);
        assert_eq!(broken(), "TotalIssuance is not balances + stake + locks + pots");
        PendingServerEmission::<Test>::remove(NETUID);
    });
}

#[test]
fn subnets_hold_what_their_stakers_have() {
    ExtBuilder::default().with_subnet(|| {
        stake(ALICE, OWNER_HOTKEY, TAO);
        TotalHotkeyAlpha::<Test>::insert(OWNER_HOTKEY, NETUID, TAO - 1);
        assert_eq!(broken(), "SubnetTAO is not the sum of TotalHotkeyAlpha");
        TotalHotkeyAlpha::<Test>::insert(OWNER_HOTKEY, NETUID, TAO);
        let shares = TotalHotkeyShares::<Test>::take(OWNER_HOTKEY, NETUID);
        TotalHotkeyShares::<Test>::insert(OWNER_HOTKEY, NETUID, shares + shares);
        assert_eq!(broken(), "TotalHotkeyShares is not the sum of Alpha");
        TotalHotkeyShares::<Test>::insert(OWNER_HOTKEY, NETUID, shares);
        TotalStake::<Test>::put(0);
        assert_eq!(broken(), "TotalStake is not the sum of SubnetTAO");
        TotalStake::<Test>::put(TAO);
    });
}

#[test]
fn uids_and_hotkeys_name_each_other() {
    ExtBuilder::default().with_subnet(|| {
        neuron(ALICE, HOTKEY);
        Keys::<Test>::insert(NETUID, 1, OWNER_HOTKEY);
        assert_eq!(broken(), "Keys and Uids do not name each other");
        Keys::<Test>::insert(NETUID, 1, HOTKEY);
        Emission::<Test>::insert(NETUID, vec![0]);
        assert_eq!(broken(), "a vector has not one entry a uid");
        Emission::<Test>::insert(NETUID, vec![0, 0]);
    });
}

#[test]
fn rows_are_on_uids_that_exist() {
    ExtBuilder::default().with_subnet(|| {
        Weights::<Test>::insert(NETUID, 0, vec![(1, 1)]);
        assert_eq!(broken(), "a row of weights names a uid twice or one that does not exist");
        Weights::<Test>::remove(NETUID, 0);
        Bonds::<Test>::insert(NETUID, 0, vec![(0, 1), (0, 1)]);
        assert_eq!(broken(), "a row of bonds names a uid twice or one that does not exist");
        Bonds::<Test>::remove(NETUID, 0);
    });
}
