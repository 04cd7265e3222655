"""How a validator stands, seen from outside: its files, the chain, and its figures if it shows them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

from meritnet.chain.client.client import Chain
from meritnet.chain.errors import MeritnetError
from meritnet.chain.types import BlockNumber
from meritnet.validator.archive import Archive
from meritnet.validator.commit import CommitBook
from meritnet.validator.durable import is_held
from meritnet.validator.run import subnet_directory
from meritnet.validator.state import State
from meritnet.validator.view import epoch_clock, head
from meritnet.validator.weights import WeightVector

METRICS_S = 2.0
MAX_PAGE_BYTES = 2**20
_opener = build_opener(ProxyHandler({}))  # the machine's own address, whatever proxy it has
_COUNTED = (
    "answers_total",
    "duties_total",
    "troubles_total",
    "wrong_predictions_total",
    "epoch_emission_tao",
)


@dataclass(frozen=True)
class MinerStanding:
    """What the validator thinks of one miner."""

    uid: int
    hotkey: str
    average: float
    scores: int
    block: int
    """Of its newest score."""
    why: str
    weight: float
    """Its share in the newest weights that are no secret any more."""


@dataclass(frozen=True)
class Status:
    """Where a validator stands at a block."""

    netuid: int
    validator: str
    is_running: bool
    """Whether a process holds the validator's directory."""
    block: int
    epoch: int
    blocks_left: int
    """Blocks of the epoch that are still to come."""
    uid: int | None
    has_permit: bool
    stake_rao: int
    steps_done: int
    committed: bool
    reveals_due: tuple[int, ...]
    """The epochs in which what is committed is to be revealed."""
    predicted_rao: int | None
    """What the next epoch pays, where it was computed already."""
    dividends: float
    miners: tuple[MinerStanding, ...]
    figures: Mapping[str, float]
    """Of the metrics port, summed by name; empty without one."""
    missing: tuple[str, ...] | None = None
    """What stands in the way of its duty, as it says itself on the metrics port; ``None`` without one."""


def status(chain: Chain, data_dir: Path, netuid: int, validator: str, metrics_port: int | None) -> Status:
    """The status at the chain's head. Raises ``MeritnetError``, also where the metrics port is silent."""
    directory = subnet_directory(data_dir, chain.block_hash(BlockNumber(0)), netuid)
    block = head(chain)
    clock = epoch_clock(chain, netuid, block)
    graph = chain.metagraph(netuid, block.hash)
    uid = graph.uid_of(validator)
    state, book = State.load(directory / "state.json"), CommitBook(directory / "commits.json")
    now = state.epoch == clock.epoch
    forecast = state.forecast
    return Status(
        netuid,
        validator,
        is_held(directory),
        block.number,
        clock.epoch,
        clock.blocks_left,
        uid,
        uid is not None and bool(graph.validator_permit[uid]),
        0 if uid is None else int(graph.alpha_stake_rao[uid]),
        state.steps_done if now else 0,
        (now and state.committed) or book.has_committed(clock.epoch),
        book.reveals_due(chain.hyperparameters(netuid, block.hash).commit_reveal_period),
        forecast.rao if forecast is not None and forecast.block == clock.next_epoch_block else None,
        0.0 if uid is None else float(graph.dividends[uid]),
        _miners(state, Archive(directory / "bundles"), book),
        {} if metrics_port is None else figures(metrics_port),
        None if metrics_port is None else missing(metrics_port),
    )


def _miners(state: State, archive: Archive, book: CommitBook) -> tuple[MinerStanding, ...]:
    row = archive.newest_weights({commit.bundle for commit in book.commits})
    shares = {} if row is None else WeightVector(row[1].uids, row[1].values).shares
    return tuple(
        MinerStanding(uid, one.hotkey, one.value, one.scores, one.block, one.why, shares.get(uid, 0.0))
        for uid, one in state.scores.items()
    )


def figures(port: int) -> dict[str, float]:
    """The validator's counters on a loopback port, labels summed up. Raises ``MeritnetError``."""
    text = _page(port, "/metrics")
    found: dict[str, float] = {}
    for line in text.splitlines():
        name = line.partition("{")[0].removeprefix("meritnet_validator_")
        if line.startswith("meritnet_validator_") and name in _COUNTED:
            found[name] = found.get(name, 0.0) + float(line.rpartition(" ")[2])
    return found


def missing(port: int) -> tuple[str, ...]:
    """What a validator on a loopback port says is missing. Raises ``MeritnetError``."""
    try:
        return tuple(map(str, json.loads(_page(port, "/ready"))["missing"]))
    except (ValueError, KeyError, TypeError):
        raise MeritnetError(f"what answers on 127.0.0.1:{port} is no validator") from None


def _page(port: int, path: str) -> str:
    """One page; a 503 is a page too. Raises ``MeritnetError``."""
    try:
        try:
            with _opener.open(f"http://127.0.0.1:{port}{path}", timeout=METRICS_S) as reply:
                return str(reply.read(MAX_PAGE_BYTES).decode())
        except HTTPError as error:
            with error:
                if error.code != 503:
                    raise
                return error.read(MAX_PAGE_BYTES).decode()
    except (OSError, ValueError, HTTPException) as error:
        raise MeritnetError(
            f"nothing shows figures on 127.0.0.1:{port}: {error}",
            "run the validator with --metrics-port, or leave that out here",
        ) from None
