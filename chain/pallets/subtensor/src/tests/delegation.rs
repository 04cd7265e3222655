//! Takes.

use frame_support::{assert_noop, assert_ok};

use super::mock::*;

fn decrease(coldkey: u64, take: u16) -> sp_runtime::DispatchResult {
    SubtensorModule::decrease_take(signed(coldkey), OWNER_HOTKEY, take)
}

fn increase(coldkey: u64, take: u16) -> sp_runtime::DispatchResult {
    SubtensorModule::increase_take(signed(coldkey), OWNER_HOTKEY, take)
}

#[test]
fn a_take_falls_at_once_and_rises_slowly() {
    ExtBuilder::default().with_subnet(|| {
        TxDelegateTakeRateLimit::<Test>::put(10);
        assert_eq!(Delegates::<Test>::get(OWNER_HOTKEY), 11_796);
        events();
        assert_ok!(decrease(OWNER, 5_000));
        assert_ok!(increase(OWNER, 6_000));
        assert_eq!(
            events(),
            [Event::TakeDecreased(OWNER, OWNER_HOTKEY, 5_000), Event::TakeIncreased(OWNER, OWNER_HOTKEY, 6_000)]
        );
        advance(9);
        assert_noop!(increase(OWNER, 7_000), Error::<Test>::DelegateTxRateLimitExceeded);
        advance(1);
        assert_ok!(increase(OWNER, 7_000));
    });
}

#[test]
fn a_take_has_bounds_and_an_owner() {
    ExtBuilder::default().with_subnet(|| {
        MinDelegateTake::<Test>::put(100);
        assert_noop!(decrease(ALICE, 5_000), Error::<Test>::NonAssociatedColdKey);
        assert_noop!(increase(ALICE, 5_000), Error::<Test>::NonAssociatedColdKey);
        assert_noop!(decrease(OWNER, 11_796), Error::<Test>::DelegateTakeTooLow);
        assert_noop!(decrease(OWNER, 99), Error::<Test>::DelegateTakeTooLow);
        assert_noop!(increase(OWNER, 11_796), Error::<Test>::DelegateTakeTooLow);
        assert_noop!(increase(OWNER, 11_797), Error::<Test>::DelegateTakeTooHigh);
        let unknown = SubtensorModule::decrease_take(signed(OWNER), HOTKEY, 1);
        assert_eq!(unknown, Err(Error::<Test>::HotKeyAccountNotExists.into()));
    });
}
