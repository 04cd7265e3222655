"""Why a miner got what it got: from its last question to its pay, by a validator's files and the chain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from meritnet.chain.client.client import Chain
from meritnet.chain.client.metagraph import Metagraph
from meritnet.chain.errors import MeritnetError
from meritnet.chain.types import U16_MAX, BlockNumber
from meritnet.subnets.receipts import Receipt
from meritnet.validator.archive import Archive
from meritnet.validator.run import subnet_directory
from meritnet.validator.scores import Average
from meritnet.validator.state import State
from meritnet.validator.weights import WeightVector

LAST_TASKS = 5
SEARCHED_STEPS = 500
"""How many steps back a miner is looked for."""


@dataclass(frozen=True)
class Told:
    """One question to a miner and what became of it."""

    bundle: str
    epoch: int
    step: int
    block: int
    score: float
    why: str
    elapsed_s: float | None
    request_id: str
    """By which the logs of both sides know the question; empty when none was signed."""


@dataclass(frozen=True)
class Story:
    """What there is to say of one miner."""

    netuid: int
    uid: int
    hotkey: str
    """The uid's present owner."""
    validator: str
    tasks: tuple[Told, ...]
    """The newest first."""
    steps_searched: int
    receipt: Receipt | None
    """Of the newest task."""
    fault: str
    """Why that receipt's signatures do not hold; empty when they do."""
    average: Average | None
    weights_epoch: int | None
    """The epoch for which this validator last made weights."""
    weight: float
    """The miner's share in them."""
    chain_weight: float | None
    """Its share in this validator's row on the chain; ``None`` where the chain has no row."""
    consensus: float
    """The share that the majority of stake agrees on; more is clipped to it."""
    incentive: float
    """Its share of what miners get."""
    pay_rao: int
    """What the last epoch paid it."""
    last_epoch_block: int


def tell(chain: Chain, data_dir: Path, netuid: int, validator: str, uid: int) -> Story:
    """The story of a uid. Raises ``MeritnetError`` where neither files nor chain know of it."""
    directory = subnet_directory(data_dir, chain.block_hash(BlockNumber(0)), netuid)
    at = chain.block_hash()
    graph = chain.metagraph(netuid, at)
    if not 0 <= uid < len(graph):
        raise MeritnetError(f"subnet {netuid} has uids 0 to {len(graph) - 1}, not {uid}")
    hotkey = str(graph.hotkeys[uid])
    state, archive = State.load(directory / "state.json"), Archive(directory / "bundles")
    tasks, receipt, searched = _tasks(archive, state.bundle, uid, hotkey)
    row = archive.newest_weights()
    shares = {} if row is None else WeightVector(row[1].uids, row[1].values).shares
    return Story(
        netuid,
        uid,
        hotkey,
        validator,
        tasks,
        searched,
        receipt,
        "" if receipt is None else _fault(receipt, validator),
        state.scores.get(uid, hotkey),
        None if row is None else row[1].epoch,
        shares.get(uid, 0.0),
        _chain_weight(chain, graph, validator, uid, at),
        float(graph.consensus[uid]),
        float(graph.incentive[uid]),
        int(graph.emission_rao[uid]),
        int(graph.last_epoch_block),
    )


def _tasks(
    archive: Archive, head: str, uid: int, hotkey: str
) -> tuple[tuple[Told, ...], Receipt | None, int]:
    """The last tasks of a miner, the newest one's receipt, and how many steps were searched."""
    told: list[Told] = []
    newest: Receipt | None = None
    searched = 0
    for name, step in archive.back(head):
        searched += 1
        for entry in step.entries:
            found = entry.receipt
            if (found.uid, found.miner) == (uid, hotkey):
                newest = newest or found
                when = step.epoch, step.step, step.block.number
                known_as = "" if found.request is None else found.request.id
                told.append(Told(name, *when, found.score, found.why, found.elapsed_s, known_as))
        if len(told) >= LAST_TASKS or searched >= SEARCHED_STEPS:
            break
    return tuple(told), newest, searched


def _fault(receipt: Receipt, validator: str) -> str:
    try:
        receipt.check(validator)
    except MeritnetError as error:
        return str(error)
    return ""


def _chain_weight(chain: Chain, graph: Metagraph, validator: str, uid: int, at: str) -> float | None:
    own = graph.uid_of(validator)
    row: Sequence[tuple[int, int]] = [] if own is None else chain.weights(graph.netuid, at).get(own, [])
    total = sum(value for _, value in row)
    return None if not total else dict(row).get(uid, 0) / total


def in_words(story: Story) -> list[str]:
    """The story as sentences, in the order in which one thing follows from another."""
    return [*_asked(story), _stands(story), _weighed(story), _clipped(story), _paid(story)]


def _asked(story: Story) -> list[str]:
    if not story.tasks:
        searched = f"in the {story.steps_searched} steps that are kept" if story.steps_searched else "yet"
        return [f"this validator has not asked it {searched}"]
    lines = []
    for told in story.tasks[:LAST_TASKS]:
        took = "no answer" if told.elapsed_s is None else f"answered in {told.elapsed_s:.2f} s"
        where = f"epoch {told.epoch}, step {told.step + 1}, block {told.block}"
        lines.append(f"{where}: scored {told.score:.3f} because: {told.why} ({took})")
    return lines


def _stands(story: Story) -> str:
    if story.average is None:
        return "it has no moving average: its first score makes one"
    average = story.average
    times = "1 score" if average.scores == 1 else f"{average.scores} scores"
    return f"its moving average is {average.value:.3f}, over {times}"


def _weighed(story: Story) -> str:
    if story.weights_epoch is None:
        return "this validator has made no weights yet"
    return f"this validator's weights for epoch {story.weights_epoch} give it {story.weight:.4f} of the row"


def _clipped(story: Story) -> str:
    if story.chain_weight is None:
        return "the chain has no weights of this validator yet: they count once they are revealed"
    on_chain = f"on the chain its row gives {story.chain_weight:.4f}"
    if story.chain_weight > story.consensus + 1 / U16_MAX:
        return f"{on_chain}; the majority of stake agrees on {story.consensus:.4f} only, the rest is clipped"
    return f"{on_chain}; the majority of stake agrees on {story.consensus:.4f}, so nothing is clipped"


def _paid(story: Story) -> str:
    if not story.incentive:
        return f"its incentive is 0: the epoch at block {story.last_epoch_block} paid it nothing as a miner"
    share = f"its incentive is {story.incentive:.4f} of what miners get"
    return f"{share}; the epoch at block {story.last_epoch_block} paid {story.pay_rao / 1e9:.9f} τ"
