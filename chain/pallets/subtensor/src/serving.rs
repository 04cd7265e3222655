//! Neurons say where they can be reached.

use alloc::vec::Vec;

use frame_support::{dispatch::DispatchResult, ensure};
use frame_system::{ensure_signed, pallet_prelude::OriginFor};

use crate::*;

impl<T: Config> Pallet<T> {
    pub(crate) fn do_serve_axon(
        origin: OriginFor<T>,
        netuid: NetUid,
        axon: AxonInfo,
        certificate: Option<Vec<u8>>,
    ) -> DispatchResult {
        let hotkey = ensure_signed(origin)?;
        ensure!(Uids::<T>::contains_key(netuid, &hotkey), Error::<T>::HotKeyNotRegisteredInNetwork);
        ensure!(matches!(axon.ip_type, 4 | 6), Error::<T>::InvalidIpType);
        // Address 0 is allowed: it takes an announcement back.
        ensure!(axon.ip == 0 || Self::is_public(axon.ip_type, axon.ip), Error::<T>::InvalidIpAddress);
        let last = Axons::<T>::get(netuid, &hotkey).map_or(0, |axon| axon.block);
        Self::ensure_may_serve(netuid, last)?;
        ensure!(axon.port != 0, Error::<T>::InvalidPort);
        if let Some(certificate) = certificate.and_then(NeuronCertificate::parse) {
            NeuronCertificates::<T>::insert(netuid, &hotkey, certificate);
        }
        Axons::<T>::insert(netuid, &hotkey, AxonInfo { block: Self::current_block(), ..axon });
        Self::deposit_event(Event::AxonServed(netuid, hotkey));
        Ok(())
    }

    pub(crate) fn do_serve_prometheus(origin: OriginFor<T>, netuid: NetUid, metrics: PrometheusInfo) -> DispatchResult {
        let hotkey = ensure_signed(origin)?;
        ensure!(matches!(metrics.ip_type, 4 | 6), Error::<T>::InvalidIpType);
        ensure!(Self::is_public(metrics.ip_type, metrics.ip), Error::<T>::InvalidIpAddress);
        ensure!(Uids::<T>::contains_key(netuid, &hotkey), Error::<T>::HotKeyNotRegisteredInNetwork);
        let last = Prometheus::<T>::get(netuid, &hotkey).map_or(0, |metrics| metrics.block);
        Self::ensure_may_serve(netuid, last)?;
        ensure!(metrics.port != 0, Error::<T>::InvalidPort);
        let block = Self::current_block();
        Prometheus::<T>::insert(netuid, &hotkey, PrometheusInfo { block, ..metrics });
        Self::deposit_event(Event::PrometheusServed(netuid, hotkey));
        Ok(())
    }

    /// Refuses who announced itself within the rate limit; `last` is 0 for who never did.
    fn ensure_may_serve(netuid: NetUid, last: u64) -> DispatchResult {
        let waited = Self::current_block().saturating_sub(last) >= ServingRateLimit::<T>::get(netuid);
        ensure!(last == 0 || waited, Error::<T>::ServingRateLimitExceeded);
        Ok(())
    }

    /// Whether others can reach the address: not zero, not broadcast, loopback only where the chain allows it.
    fn is_public(ip_type: u8, ip: u128) -> bool {
        let (last, loopback) = if ip_type == 4 { (u128::from(u32::MAX), 0x7f00_0001) } else { (u128::MAX, 1) };
        let in_range = if ip_type == 4 { ip < last } else { ip != last };
        ip != 0 && in_range && (ip != loopback || NewSubnetDefaults::<T>::get().loopback_axons)
    }
}
