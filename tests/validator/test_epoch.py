"""From a step to an epoch's payout on a real chain in this process, with real sockets between the neurons."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from meritnet.chain.client.client import Chain
from meritnet.chain.rpc.server import serving
from meritnet.miner.run import MinerService
from meritnet.validator.events import Committed, Event, Paid, Predicted, Revealed, Scored, Trouble
from meritnet.validator.run import Options, Validator

pytestmark = pytest.mark.slow
OPTIONS = Options(steps_per_epoch=2, allow_private=True)


async def live(
    town: Any, quiz: Any, answers: list[Any], epochs: int, options: Options = OPTIONS
) -> list[Event]:
    """Lets miners and validators live until every validator has seen so many epochs paid."""
    told: list[Event] = []

    def report(event: Event) -> None:
        told.append(event)

    def enough() -> bool:
        return sum(isinstance(event, Paid) for event in told) >= epochs * len(town.validators)

    async with AsyncExitStack() as stack:
        stop = asyncio.Event()
        services = []
        for number, (pair, answer) in enumerate(zip(town.miners, answers, strict=True)):
            chain = stack.enter_context(town.connect())
            role = quiz.role(answer, town.directory / f"miner{number}")
            service = MinerService(chain, town.netuid, pair, role, data_dir=town.directory / f"miner{number}")
            services.append(service)
            stack.push_async_callback(service.stop)
        started = asyncio.gather(*(service.start() for service in services))
        await town.pump([], started.done)
        await started
        validators = [
            Validator(
                stack.enter_context(town.connect()),
                town.netuid,
                pair,
                quiz,
                town.directory / f"validator{number}",
                report=report,
                options=options,
            )
            for number, pair in enumerate(town.validators)
        ]
        lives = [asyncio.create_task(validator.run(stop)) for validator in validators]
        living = asyncio.gather(*lives)

        def over() -> bool:
            if enough():
                stop.set()
            return living.done()

        try:
            await town.pump(
                validators, over
            )  # what is on its way when they are told to stop still gets a block
        finally:
            stop.set()
            await living
    return told


def test_the_chain_pays_what_the_validators_predicted(town: Any, quiz: Any) -> None:
    async def scenario() -> None:
        async with asyncio.timeout(120):
            told = await live(town, quiz, [quiz.diligent, quiz.diligent, quiz.lazy], epochs=4)

        assert [event for event in told if isinstance(event, Trouble)] == []
        paid = [event for event in told if isinstance(event, Paid)]
        assert len(paid) == 8
        assert all(event.agrees for event in paid), paid
        assert all(event.paid_rao > 0 for event in paid if event.epoch >= 2)
        kinds = [type(event) for event in told if event.validator == town.validators[0].address]
        assert kinds.index(Scored) < kinds.index(Committed) < kinds.index(Predicted) < kinds.index(Paid)
        assert kinds.index(Committed) < kinds.index(Revealed)
        revealed = [(event.validator, event.epoch) for event in told if isinstance(event, Revealed)]
        assert len(revealed) == len(set(revealed)) >= 6

    asyncio.run(scenario())
    with town.connect() as chain:
        metagraph = chain.metagraph(town.netuid)
        uids = [metagraph.uid_of(miner.address) for miner in town.miners]
        diligent, other, lazy = (float(metagraph.incentive[uid]) for uid in uids)
        assert diligent == pytest.approx(other, abs=2e-5)
        assert diligent == pytest.approx(10 / 21, abs=1e-3)
        assert lazy == pytest.approx(1 / 21, abs=1e-3)
        rows = chain.weights(town.netuid)
        assert len(rows) == 2
        assert len({tuple(row) for row in rows.values()}) == 1


def test_without_miners_a_validator_says_so_and_lets_the_chain_go_on(town: Any, quiz: Any) -> None:
    told: list[Event] = []

    async def scenario() -> None:
        stop = asyncio.Event()
        with town.connect() as chain:
            pair = town.validators[0]
            validator = Validator(
                chain, town.netuid, pair, quiz, town.directory, report=told.append, options=OPTIONS
            )
            living = asyncio.create_task(validator.run(stop))

            def over() -> bool:
                if any(isinstance(event, Paid) for event in told):
                    stop.set()
                return living.done()

            async with asyncio.timeout(60):
                await town.pump([validator], over)
                await living

    asyncio.run(scenario())
    troubles = [event for event in told if isinstance(event, Trouble)]
    assert {(event.what, event.message) for event in troubles} == {
        ("step", "no miner of subnet 1 has announced an address")
    }
    assert len(troubles) < 6  # it waits longer each time
    assert [event.agrees for event in told if isinstance(event, Paid)] == [True]


async def until(seen: Callable[[], bool], living: asyncio.Task[None]) -> None:
    """Waits for something to be seen; what ends the validator before is raised, not waited out."""
    while not seen():
        if living.done():
            living.result()
            raise AssertionError("the validator ended by itself")
        await asyncio.sleep(0.01)


def test_a_link_that_breaks_is_taken_up_again(town: Any, quiz: Any) -> None:
    told: list[Event] = []

    def broken() -> bool:
        return any(isinstance(event, Trouble) and event.what == "follow the chain" for event in told)

    async def scenario() -> None:
        stop = asyncio.Event()
        options = Options(allow_private=True, retry_s=0.01)
        with serving(town.node) as endpoint:
            chain = Chain.connect(endpoint, timeout_s=2)
            port = int(endpoint.rpartition(":")[2])
            pair = town.validators[0]
            validator = Validator(
                chain, town.netuid, pair, quiz, town.directory, report=told.append, options=options
            )
            living = asyncio.create_task(validator.run(stop))
            await until(lambda: validator.duty is not None, living)
        await until(broken, living)
        seen = validator.duty.block
        town.node.seal()
        with serving(town.node, port=port):
            await until(lambda: validator.duty.block != seen, living)
            stop.set()
            await living
        chain.close()

    async def bounded() -> None:
        async with asyncio.timeout(60):
            await scenario()

    asyncio.run(bounded())


def test_a_validator_that_is_cancelled_leaves_nothing_behind(town: Any, quiz: Any) -> None:
    complaints: list[Any] = []

    async def scenario() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        with town.connect() as chain:
            validator = Validator(
                chain, town.netuid, town.validators[0], quiz, town.directory, options=OPTIONS
            )
            living = asyncio.create_task(validator.run(asyncio.Event()))
            await until(lambda: validator.duty is not None, living)
            living.cancel()
            with pytest.raises(asyncio.CancelledError):
                await living
            again = Validator(chain, town.netuid, town.validators[0], quiz, town.directory, options=OPTIONS)
            stop = asyncio.Event()
            stop.set()
            await again.run(stop)  # the lock is free

    asyncio.run(scenario())
    assert complaints == []
