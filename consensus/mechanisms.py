"""Mechanisms: a subnet with several weight matrices, each with an epoch of its own and a part of the pay."""

from collections.abc import Sequence
from dataclasses import replace

from meritnet.consensus.epoch import epoch
from meritnet.consensus.fixed import U16_MAX, U64_MAX, U64F64
from meritnet.consensus.params import Params
from meritnet.consensus.state import EpochInput, EpochOutput


def split_emission(amount: int, count: int, split: Sequence[int] | None) -> tuple[int, ...]:
    """What each of `count` mechanisms (one at least) has to pay, in rao: parts of 65,535, floored, or the
    same for all where there is no split. Mechanisms that it does not name get nothing; what is left over
    goes to the first."""
    if split is None:
        parts = [amount // count] * count
    else:
        named = [amount * part // U16_MAX for part in split[:count]]
        parts = named + [0] * (count - len(named))
    return (parts[0] + max(amount - sum(parts), 0), *parts[1:])


def epoch_with_mechanisms(
    states: Sequence[EpochInput], params: Params, emission_rao: int, split: Sequence[int] | None
) -> tuple[EpochOutput, tuple[EpochOutput, ...]]:
    """The epochs of a subnet's mechanisms, combined and one by one.

    The states differ in weights, bonds, last updates and commits; their own `emission` is not read. The
    chain keeps bonds and incentive of each mechanism and everything else combined.
    """
    parts = split_emission(emission_rao, len(states), split)
    outputs = tuple(
        epoch(replace(state, emission=part), params) for state, part in zip(states, parts, strict=True)
    )
    return combine(outputs, parts), outputs


def combine(outputs: Sequence[EpochOutput], parts: Sequence[int]) -> EpochOutput:
    """Several mechanisms' epochs as one, given what each had to pay.

    Earnings are added up and flags hold if any holds. Proportions, and the pay as displayed, are averages
    by part of the pay, floored after each mechanism; without any pay the first counts alone. Bonds stay
    with their mechanism.
    """
    total = U64F64.integer(sum(parts))
    shares = [U64F64.div(U64F64.integer(part), total) for part in parts]
    if total == 0:
        shares[0] = U64F64.integer(1)

    def average(name: str, largest: int = U16_MAX) -> tuple[int, ...]:
        averages = [0] * len(outputs[0].active)
        for output, share in zip(outputs, shares, strict=True):
            for uid, value in enumerate(getattr(output, name)):
                added = U64F64.integer(averages[uid]) + U64F64.mul(U64F64.integer(value), share)
                averages[uid] = min(U64F64.floor(added), largest)
        return tuple(averages)

    def added_up(name: str) -> tuple[int, ...]:
        columns = zip(*(getattr(output, name) for output in outputs), strict=True)
        return tuple(min(sum(column), U64_MAX) for column in columns)

    return EpochOutput(
        active=tuple(map(bool, added_up("active"))),
        consensus=average("consensus"),
        incentive=average("incentive"),
        dividends=average("dividends"),
        validator_trust=average("validator_trust"),
        stake_weight=average("stake_weight"),
        stake=outputs[0].stake,
        permits=tuple(map(bool, added_up("permits"))),
        server_emission=added_up("server_emission"),
        validator_emission=added_up("validator_emission"),
        combined_emission=average("combined_emission", U64_MAX),
        bonds=((),) * len(outputs[0].active),
    )
