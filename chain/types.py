"""Words that every part of the chain shares: identifiers and amounts, each with its unit."""

from typing import NewType

NetUid = NewType("NetUid", int)
"""Number of a subnet, u16. 0 is the root network, subnets of users start at 1."""

Uid = NewType("Uid", int)
"""Number of a neuron inside one subnet, u16; passed on to a new hotkey when the neuron is replaced."""

BlockNumber = NewType("BlockNumber", int)
"""Height of a block; genesis is 0."""

Rao = NewType("Rao", int)
"""An amount of TAO in its smallest unit."""

Ss58Address = NewType("Ss58Address", str)
"""An account in Substrate's base-58 text form with prefix 42."""

RAO_PER_TAO = 10**9
"""Smallest units in one TAO: the token has nine decimals."""

SS58_PREFIX = 42
"""Address prefix of the chain (the generic Substrate one, as Bittensor's)."""

U16_MAX = 65_535
"""Full scale of weights, ranks and shares that the chain stores as u16."""


def tao_to_rao(amount: str) -> Rao:
    """Exact rao of a decimal number of TAO such as ``"1.5"``.

    Raises ``ValueError`` for text that is no plain decimal number, is negative, or has more than nine
    decimals: an amount is never rounded in silence.
    """
    whole, point, fraction = amount.strip().replace("_", "").partition(".")
    digits = whole + fraction
    if not (digits.isascii() and digits.isdigit()) or (point and not fraction) or len(fraction) > 9:
        raise ValueError(f"{amount!r} is no amount of TAO (at most nine decimals, not negative)")
    return Rao(int(whole or "0") * RAO_PER_TAO + int(fraction.ljust(9, "0") or "0"))


def rao_to_tao(amount: int) -> str:
    """Exact decimal TAO of an amount in rao, without trailing zeros: ``1_500_000_000`` → ``"1.5"``."""
    whole, fraction = divmod(abs(amount), RAO_PER_TAO)
    text = f"{whole:,}.{fraction:09d}".rstrip("0").rstrip(".")
    return f"-{text}" if amount < 0 else text
