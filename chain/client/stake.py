"""Stake: reading it, adding it, removing it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from meritnet.chain.client.codec import Call
from meritnet.chain.keys import KeyPair, ss58_decode
from meritnet.chain.scale import Reader, u16
from meritnet.chain.types import NetUid, Rao, Ss58Address

if TYPE_CHECKING:
    from meritnet.chain.client.client import Chain
    from meritnet.chain.client.submission import Receipt


@dataclass(frozen=True)
class StakeInfo:
    """What one coldkey has on one hotkey in one subnet. ``emission_rao``: dividends of the last epoch."""

    hotkey: Ss58Address
    coldkey: Ss58Address
    netuid: NetUid
    stake_rao: Rao
    locked_rao: Rao
    emission_rao: Rao
    is_registered: bool


def stake_of(chain: Chain, coldkey: str, at: str | None = None) -> list[StakeInfo]:
    """Everything that a coldkey has staked."""
    reader = Reader(
        chain.call_api("StakeInfoRuntimeApi_get_stake_info_for_coldkey", ss58_decode(coldkey), at)
    )
    return reader.vector(lambda: _stake_info(reader))


def stake_on(chain: Chain, hotkey: str, coldkey: str, netuid: int, at: str | None = None) -> Rao:
    """What a coldkey has on a hotkey in a subnet, in rao."""
    argument = ss58_decode(hotkey) + ss58_decode(coldkey) + u16(netuid)
    api = "StakeInfoRuntimeApi_get_stake_info_for_hotkey_coldkey_netuid"
    reader = Reader(chain.call_api(api, argument, at))
    found = reader.option(lambda: _stake_info(reader))
    return Rao(0) if found is None else found.stake_rao


def add_stake(chain: Chain, coldkey: KeyPair, hotkey: str, netuid: int, amount_rao: int) -> Receipt:
    """Move balance of the coldkey into stake on a hotkey."""
    arguments = {"hotkey": hotkey, "netuid": netuid, "amount_staked": amount_rao}
    return chain.submit(Call("SubtensorModule", "add_stake", arguments), coldkey)


def remove_stake(chain: Chain, coldkey: KeyPair, hotkey: str, netuid: int, amount_rao: int) -> Receipt:
    """Take stake back from a hotkey into the coldkey's balance."""
    arguments = {"hotkey": hotkey, "netuid": netuid, "amount_unstaked": amount_rao}
    return chain.submit(Call("SubtensorModule", "remove_stake", arguments), coldkey)


def move_stake(
    chain: Chain,
    coldkey: KeyPair,
    origin: tuple[str, int],
    destination: tuple[str, int],
    amount_rao: int,
) -> Receipt:
    """Move stake from one (hotkey, subnet) to another without taking it out."""
    arguments = {
        "origin_hotkey": origin[0],
        "destination_hotkey": destination[0],
        "origin_netuid": origin[1],
        "destination_netuid": destination[1],
        "alpha_amount": amount_rao,
    }
    return chain.submit(Call("SubtensorModule", "move_stake", arguments), coldkey)


def transfer(chain: Chain, coldkey: KeyPair, destination: str, amount_rao: int) -> Receipt:
    """Send balance to another account; the sender's account stays alive."""
    arguments = {"dest": destination, "value": amount_rao}
    return chain.submit(Call("Balances", "transfer_keep_alive", arguments), coldkey)


def _stake_info(reader: Reader) -> StakeInfo:
    hotkey, coldkey = reader.account(), reader.account()
    netuid, stake, locked, emission, _tao_emission, _drain = (reader.compact() for _ in range(6))
    registered = reader.boolean()
    return StakeInfo(hotkey, coldkey, NetUid(netuid), Rao(stake), Rao(locked), Rao(emission), registered)
