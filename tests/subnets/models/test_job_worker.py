"""One thread, shared fairly: turns, weights, errors, cancellation, the end."""

import threading
from collections.abc import Generator, Iterator

import pytest

from meritnet.subnets.models import worker as module
from meritnet.subnets.models.worker import Weight, Worker


class Clock:
    """Time that passes only when a job says so."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(module, "time", made)
    return made


@pytest.fixture
def worker() -> Iterator[Worker]:
    made = Worker("test")
    yield made
    made.close()


def held(gate: threading.Event) -> Generator[None, None, None]:
    """Keep the thread busy until all other jobs are queued."""
    gate.wait(10)
    yield


def steps(name: str, count: int, log: list[str], clock: Clock) -> Generator[None, None, str]:
    for _ in range(count):
        log.append(name)
        clock.now += 1
        yield
    return name


def test_equal_jobs_take_turns(worker: Worker, clock: Clock) -> None:
    gate, log = threading.Event(), list[str]()
    worker.submit(held(gate), Weight.REQUEST)
    futures = [worker.submit(steps(name, 3, log, clock), Weight.REQUEST) for name in "ab"]
    gate.set()
    assert [future.result(10) for future in futures] == ["a", "b"]
    assert log == ["a", "b", "a", "b", "a", "b"]


def test_background_work_gets_its_share_and_no_more(worker: Worker, clock: Clock) -> None:
    gate, log = threading.Event(), list[str]()
    worker.submit(held(gate), Weight.REQUEST)
    training = worker.submit(steps("t", 6, log, clock), Weight.BACKGROUND)
    chat = worker.submit(steps("c", 48, log, clock), Weight.CHAT)
    gate.set()
    chat.result(10)
    training.result(10)
    assert 3 <= log[:48].count("t") <= 4  # a sixteenth of the time, in weighted seconds


def test_a_newcomer_does_not_wait_for_what_others_had_before(worker: Worker, clock: Clock) -> None:
    log = list[str]()
    worker.submit(steps("long", 100, log, clock), Weight.REQUEST).result(10)
    gate = threading.Event()
    worker.submit(held(gate), Weight.REQUEST)
    futures = [worker.submit(steps(name, 2, log, clock), Weight.REQUEST) for name in "xy"]
    gate.set()
    for future in futures:
        future.result(10)
    assert log[100:] == ["x", "y", "x", "y"]


def test_an_error_reaches_who_waits_and_the_thread_goes_on(worker: Worker) -> None:
    def broken() -> Generator[None, None, None]:
        yield
        raise KeyError("lost")

    def fine() -> Generator[None, None, int]:
        yield
        return 7

    with pytest.raises(KeyError, match="lost"):
        worker.submit(broken(), Weight.REQUEST).result(10)
    assert worker.submit(fine(), Weight.REQUEST).result(10) == 7


def test_a_cancelled_job_ends_at_its_next_yield(worker: Worker) -> None:
    began, ended = threading.Event(), threading.Event()

    def endless() -> Generator[None, None, None]:
        try:
            while True:
                began.set()
                yield
        finally:
            ended.set()

    future = worker.submit(endless(), Weight.REQUEST)
    assert began.wait(10)
    assert future.cancel()
    assert ended.wait(10)


def test_closing_cancels_what_is_left() -> None:
    made = Worker("closing")

    def endless() -> Generator[None, None, None]:
        while True:
            yield

    future = made.submit(endless(), Weight.REQUEST)
    made.close()
    assert future.cancelled()
    with pytest.raises(RuntimeError, match="closed"):
        made.submit(endless(), Weight.REQUEST)
