//! Announcements of addresses.

use frame_support::{assert_noop, assert_ok};

use super::mock::*;

const ADDRESS: u128 = 0x0808_0808;
const LOOPBACK: u128 = 0x7f00_0001;

fn serve(hotkey: u64, ip: u128, port: u16, ip_type: u8) -> sp_runtime::DispatchResult {
    SubtensorModule::serve_axon(signed(hotkey), NETUID, 1, ip, port, ip_type, 4, 5, 6)
}

fn serve_metrics(hotkey: u64, ip: u128, port: u16, ip_type: u8) -> sp_runtime::DispatchResult {
    SubtensorModule::serve_prometheus(signed(hotkey), NETUID, 1, ip, port, ip_type)
}

#[test]
fn an_address_is_kept_with_its_block() {
    ExtBuilder::default().with_subnet(|| {
        assert_ok!(serve(OWNER_HOTKEY, ADDRESS, 8091, 4));
        let axon = AxonInfo {
            block: 1,
            version: 1,
            ip: ADDRESS,
            port: 8091,
            ip_type: 4,
            protocol: 4,
            placeholder1: 5,
            placeholder2: 6,
        };
        assert_eq!(Axons::<Test>::get(NETUID, OWNER_HOTKEY), Some(axon));
        assert_ok!(serve_metrics(OWNER_HOTKEY, ADDRESS, 9000, 4));
        assert_eq!(Prometheus::<Test>::get(NETUID, OWNER_HOTKEY).map(|metrics| metrics.port), Some(9000));
        // Address 0 takes it back.
        assert_ok!(serve(OWNER_HOTKEY, 0, 1, 4));
    });
}

#[test]
fn a_certificate_is_kept_if_it_is_one() {
    ExtBuilder::default().with_subnet(|| {
        let with = |certificate: Vec<u8>| {
            SubtensorModule::serve_axon_tls(signed(OWNER_HOTKEY), NETUID, 1, ADDRESS, 1, 4, 0, 0, 0, certificate)
        };
        let kept = || NeuronCertificates::<Test>::get(NETUID, OWNER_HOTKEY);
        for malformed in [vec![], vec![1], vec![1; 66]] {
            assert_ok!(with(malformed));
            assert_eq!(kept(), None);
        }
        assert_ok!(with(vec![1, 2, 3]));
        assert_eq!(
            kept().map(|certificate| (certificate.algorithm, certificate.public_key.into_inner())),
            Some((1, vec![2, 3]))
        );
    });
}

#[test]
fn only_neurons_announce_themselves() {
    ExtBuilder::default().with_subnet(|| {
        let refused = Error::<Test>::HotKeyNotRegisteredInNetwork;
        assert_noop!(serve(HOTKEY, ADDRESS, 1, 4), refused);
        assert_noop!(serve_metrics(HOTKEY, ADDRESS, 1, 4), Error::<Test>::HotKeyNotRegisteredInNetwork);
    });
}

#[test]
fn an_address_must_be_one_that_others_can_reach() {
    ExtBuilder::default().with(|genesis| genesis.subnets.loopback_axons = false).with_subnet(|| {
        for (ip, ip_type) in [(LOOPBACK, 4), (u128::from(u32::MAX), 4), (1 << 40, 4), (1, 6), (u128::MAX, 6)] {
            assert_noop!(serve(OWNER_HOTKEY, ip, 1, ip_type), Error::<Test>::InvalidIpAddress);
            assert_noop!(serve_metrics(OWNER_HOTKEY, ip, 1, ip_type), Error::<Test>::InvalidIpAddress);
        }
        assert_noop!(serve_metrics(OWNER_HOTKEY, 0, 1, 4), Error::<Test>::InvalidIpAddress);
        assert_noop!(serve(OWNER_HOTKEY, ADDRESS, 1, 5), Error::<Test>::InvalidIpType);
        assert_noop!(serve_metrics(OWNER_HOTKEY, ADDRESS, 1, 0), Error::<Test>::InvalidIpType);
        assert_noop!(serve(OWNER_HOTKEY, ADDRESS, 0, 4), Error::<Test>::InvalidPort);
        assert_noop!(serve_metrics(OWNER_HOTKEY, ADDRESS, 0, 4), Error::<Test>::InvalidPort);
        assert_ok!(serve(OWNER_HOTKEY, 1 << 40, 1, 6));
    });
}

#[test]
fn loopback_is_allowed_where_the_chain_says_so() {
    ExtBuilder::default().with_subnet(|| {
        assert_ok!(serve(OWNER_HOTKEY, LOOPBACK, 1, 4));
        assert_ok!(serve(OWNER_HOTKEY, 1, 1, 6));
    });
}

#[test]
fn announcements_are_rate_limited() {
    ExtBuilder::default().with(|genesis| genesis.subnets.serving_rate_limit = 50).with_subnet(|| {
        assert_ok!(serve(OWNER_HOTKEY, ADDRESS, 1, 4));
        assert_ok!(serve_metrics(OWNER_HOTKEY, ADDRESS, 1, 4));
        advance(49);
        assert_noop!(serve(OWNER_HOTKEY, ADDRESS, 2, 4), Error::<Test>::ServingRateLimitExceeded);
        assert_noop!(serve_metrics(OWNER_HOTKEY, ADDRESS, 2, 4), Error::<Test>::ServingRateLimitExceeded);
        advance(1);
        assert_ok!(serve(OWNER_HOTKEY, ADDRESS, 2, 4));
    });
}
