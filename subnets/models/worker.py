"""One thread for all model work, shared fairly.

A job is a generator: it yields at every place where it can be interrupted (a token, a batch, a training step)
and returns its result. The thread always advances the job that has had the least time so far, each job's time
counted in its own weight, so that a person's chat is not stuck behind a training run and neither starves.
"""

import threading
import time
from collections.abc import Generator
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, TypeVar

T = TypeVar("T")


class Weight(IntEnum):
    """How dear a second of the thread is to a job.

    A job of weight 8 gets an eighth of the time of one of 1.
    """

    CHAT = 1
    REQUEST = 2
    CHECK = 8
    """A validator's own replays and losses: whoever is being answered has a deadline, they hardly."""
    BACKGROUND = 16


@dataclass(eq=False)
class _Job:
    steps: Generator[None, None, Any]
    weight: int
    future: "Future[Any]"
    spent: float
    """Weighted seconds of the thread, on the worker's common scale."""


@dataclass
class _Queue:
    jobs: list[_Job] = field(default_factory=list)
    clock: float = 0.0
    """Weighted time at which the last step began: newcomers start here, not at zero."""
    closed: bool = False


class Worker:
    """A thread that advances jobs in turn. Cancelling a job's future ends the job at its next yield."""

    def __init__(self, name: str) -> None:
        self._queue = _Queue()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, steps: Generator[None, None, T], weight: Weight) -> "Future[T]":
        """Queue a job; its result, or its error, comes through the future."""
        future: Future[T] = Future()
        with self._changed:
            if self._queue.closed:
                raise RuntimeError("the engine is closed")
            self._queue.jobs.append(_Job(steps, weight, future, self._queue.clock))
            self._changed.notify()
        return future

    def close(self) -> None:
        """Drop all jobs (their futures are cancelled) and end the thread after its current step."""
        with self._changed:
            self._queue.closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while job := self._next():
            started = time.monotonic()
            finished = _advance(job)
            with self._changed:
                self._queue.clock = job.spent
                job.spent += (time.monotonic() - started) * job.weight
                if finished:
                    self._queue.jobs.remove(job)
        for job in self._queue.jobs:
            job.steps.close()
            job.future.cancel()

    def _next(self) -> _Job | None:
        """Wait for a job; the one with the least weighted time, or None once closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue.jobs or self._queue.closed)
            return None if self._queue.closed else min(self._queue.jobs, key=lambda job: job.spent)


def _advance(job: _Job) -> bool:
    """Run a job to its next yield; say whether it has ended."""
    if job.future.cancelled():
        job.steps.close()
        return True
    try:
        next(job.steps)
    except StopIteration as end:
        if job.future.set_running_or_notify_cancel():
            job.future.set_result(end.value)
        return True
    except BaseException as error:  # noqa: BLE001 — the thread's edge: whoever waits for the job gets the error
        if job.future.set_running_or_notify_cancel():
            job.future.set_exception(error)
        return True
    return False
