"""Who is served, in which order, and what happens to the others."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from meritnet.miner.admission import Admission, Peer, Policy, Refusal

TAO = 10**9


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def admission(policy: Policy | None = None, *peers: tuple[str, Peer]) -> tuple[Admission, Clock]:
    clock = Clock()
    made = Admission(policy or Policy(), clock)
    made.update(peers)
    return made, clock


def status_of(made: Admission, hotkey: str) -> int:
    try:
        made.admit(hotkey)
    except Refusal as refusal:
        return refusal.status
    return 200


def run(scenario: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(5):
            await scenario

    asyncio.run(bounded())


def test_a_permit_admits_and_stake_alone_does_not() -> None:
    made, _ = admission(None, ("v", Peer(0, True, 0)), ("rich", Peer(1, False, 900 * TAO)))
    assert [status_of(made, key) for key in ("v", "rich", "nobody")] == [200, 403, 403]


def test_before_the_first_permits_any_stake_will_do() -> None:
    made, _ = admission(None, ("staked", Peer(0, False, 1)), ("empty", Peer(1, False, 0)))
    assert [status_of(made, key) for key in ("staked", "empty")] == [200, 403]


def test_a_minimum_of_stake_may_stand_in_for_the_permit() -> None:
    made, _ = admission(
        Policy(min_stake_rao=5 * TAO),
        ("enough", Peer(0, False, 5 * TAO)),
        ("less", Peer(1, False, 5 * TAO - 1)),
    )
    assert [status_of(made, key) for key in ("enough", "less")] == [200, 403]


def test_nobody_is_admitted_by_an_old_view() -> None:
    made, clock = admission(None, ("v", Peer(0, True, 0)))
    clock.now_s = 300
    assert status_of(made, "v") == 200
    clock.now_s = 301
    assert status_of(made, "v") == 503
    assert status_of(Admission(Policy(), clock), "v") == 503


def test_an_allowance_refills_with_time_up_to_the_burst() -> None:
    made, clock = admission(
        Policy(requests_per_s=2, burst=3), ("v", Peer(0, True, 0)), ("w", Peer(1, True, 0))
    )
    assert [status_of(made, "v") for _ in range(4)] == [200, 200, 200, 429]
    assert status_of(made, "w") == 200
    clock.now_s = 0.5
    assert [status_of(made, "v") for _ in range(2)] == [200, 429]
    with pytest.raises(Refusal) as refused:
        made.admit("v")
    assert refused.value.retry_after_s == pytest.approx(0.5)
    clock.now_s = 100
    assert [status_of(made, "v") for _ in range(4)] == [200, 200, 200, 429]


def test_who_leaves_the_subnet_is_forgotten() -> None:
    made, _ = admission(Policy(burst=1), ("v", Peer(0, True, 0)))
    assert [status_of(made, "v"), status_of(made, "v")] == [200, 429]
    made.update([])
    assert status_of(made, "v") == 403
    made.update([("v", Peer(3, True, 0))])
    assert status_of(made, "v") == 200


def test_the_queue_serves_by_stake_and_drops_the_least() -> None:
    async def scenario() -> None:
        made, _ = admission(Policy(in_flight=1, waiting=2))
        order: list[int] = []
        go = asyncio.Event()

        async def work(stake: int) -> None:
            async with made.place(Peer(0, True, stake)):
                order.append(stake)
                await go.wait()

        tasks = []
        for stake in (0, 5, 9):
            tasks.append(asyncio.create_task(work(stake)))
            await asyncio.sleep(0)
        late = asyncio.create_task(work(7))
        await asyncio.sleep(0)
        go.set()
        with pytest.raises(Refusal, match="others hold more stake"):
            await tasks[1]
        await asyncio.gather(tasks[0], tasks[2], late)
        assert order == [0, 9, 7]

    run(scenario())


async def _pass_through(made: Admission) -> None:
    async with made.place(Peer(0, True, 1)):
        pass


def test_waiting_ends_in_time_and_a_place_is_never_lost() -> None:
    async def scenario() -> None:
        made, _ = admission(Policy(in_flight=1, waiting=4, wait_s=0.01))
        async with made.place(Peer(0, True, 0)):
            with pytest.raises(Refusal, match=r"no handler was free for 0\.01 s"):
                await _pass_through(made)
        assert (made.queue_length, made._running) == (0, 0)

        patient, _ = admission(Policy(in_flight=1, waiting=4))
        async with patient.place(Peer(0, True, 0)):
            gone = asyncio.create_task(_pass_through(patient))
            await asyncio.sleep(0)
        gone.cancel()  # in the very moment in which its turn came
        with pytest.raises(asyncio.CancelledError):
            await gone
        assert (patient.queue_length, patient._running) == (0, 0)
        await _pass_through(patient)

    run(scenario())
