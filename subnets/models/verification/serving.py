"""Answers served and checked in one go, for measurements: with any model, batch width and number of threads.

Everything here blocks and runs in the calling thread; live roles go through the engine instead.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
from transformers import PreTrainedModel

from meritnet.subnets.models import decoding
from meritnet.subnets.models.decoding import Replay, Request, Rows
from meritnet.subnets.models.sampling import Sampling
from meritnet.subnets.models.verification.method import Trace

T = TypeVar("T")


@dataclass(frozen=True)
class Asked:
    """A request as the model sees it."""

    prompt: tuple[int, ...]
    sampling: Sampling


@dataclass(frozen=True)
class Served:
    """An answer, and what its miner saw while it decoded."""

    tokens: tuple[int, ...]
    trace: Trace


def serve(
    model: PreTrainedModel, asked: Sequence[Asked], ends: frozenset[int], *, width: int = 8, threads: int = 2
) -> list[Served]:
    """Answer requests in left-padded batches of `width`, in order."""
    found = []
    with computing_on(threads):
        for start in range(0, len(asked), width):
            traces = [Trace() for _ in asked[start : start + width]]
            batch = [
                Request(one.prompt, one.sampling, lambda token: None, see=trace.see)
                for one, trace in zip(asked[start : start + width], traces, strict=True)
            ]
            _decode(model, batch, ends)
            pairs = zip(batch, traces, strict=True)
            found += [Served(tuple(request.tokens), trace) for request, trace in pairs]
    return found


def check(model: PreTrainedModel, asked: Asked, tokens: Sequence[int], *, threads: int = 2) -> Replay:
    """Run the checker's one prefill."""
    with computing_on(threads):
        return ended(decoding.replay(model, asked.prompt, tokens, asked.sampling))


def clocked(model: PreTrainedModel, asked: Sequence[Asked], ends: frozenset[int]) -> list[float]:
    """Decode one batch; processor seconds until each token of the last of its requests was there."""
    clock: list[float] = []
    batch = [Request(one.prompt, one.sampling, lambda token: None) for one in asked]
    batch[-1].emit = lambda token: clock.append(time.process_time())
    begun = time.process_time()
    _decode(model, batch, ends)
    return [moment - begun for moment in clock]


def _decode(model: PreTrainedModel, batch: list[Request], ends: frozenset[int]) -> None:
    rows = Rows(model, batch, ends)
    ended(rows.read())
    while rows.requests:
        rows.draw()


@contextmanager
def computing_on(threads: int) -> Iterator[None]:
    """Let torch use so many threads in this one: sums are taken in another order, and round differently."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def ended(steps: Generator[None, None, T]) -> T:
    """Run stepwise work to its end."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
