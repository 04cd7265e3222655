"""A whole local network in this process: real chain, real sockets, the subnet that `subnet new` writes."""

import asyncio

import pytest

from meritnet.chain.errors import MeritnetError
from meritnet.localnet.plan import Plan
from meritnet.localnet.run import Run
from meritnet.localnet.summary import Summary
from meritnet.localnet.view import State, render
from meritnet.subnets import registry


@pytest.fixture
def sums(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(registry.BUILT_IN, "sums", "meritnet.cli.template.sums")
    return "sums"


def network(kind: str, epochs: int | None) -> Run:
    plan = Plan((kind,), epochs=epochs, block_time_s=0.01, rpc_port=0)
    return Run(plan, State(), changed=lambda: None)


@pytest.mark.slow
def test_two_epochs_pay_out_exactly_and_the_lazy_miner_earns_nothing(sums: str) -> None:
    run = network(sums, epochs=2)
    summary = asyncio.run(run.run())
    assert summary is not None
    told = summary.as_json()
    assert told["emission_due_rao"] == told["emission_paid_rao"] > 0
    check_neurons(summary)
    predictions = told["predictions"]
    assert len(predictions) == 4
    assert all(one["predicted_rao"] == one["paid_rao"] > 0 for one in predictions)
    assert "exactly" in summary.lines()[0]
    assert render(run.state) is not None


def check_neurons(summary: Summary) -> None:
    """Owner, miners and validators add up, the lazy one stands out, both validators agree with consensus."""
    (subnet,) = summary.as_json()["subnets"]  # type: ignore[misc]
    neurons = subnet["neurons"]  # type: ignore[index]
    assert sum(one["emission_rao"] for one in neurons) == summary.ledger.total_paid_rao
    honest = [one["incentive"] for one in neurons if one["role"] == "miner" and not one["lazy"]]
    (lazy,) = [one["incentive"] for one in neurons if one["lazy"]]
    assert lazy * 5 < min(honest)
    dividends = [one["dividends"] for one in neurons if one["role"] == "validator"]
    assert len(dividends) == 2
    assert dividends[0] == dividends[1] > 0.4


@pytest.mark.slow
def test_a_wish_to_stop_ends_it_before_its_epochs(sums: str) -> None:
    run = network(sums, epochs=None)

    async def stopped_soon() -> Summary | None:
        task = asyncio.create_task(run.run())
        async with asyncio.timeout(60):
            while run.state.said < 1 and not task.done():  # noqa: ASYNC110 - what a person sees is what is waited for
                await asyncio.sleep(0.01)
            run.stop.set()
            return await task

    asyncio.run(stopped_soon())
    assert run.state.endpoint


def test_an_unknown_kind_is_refused_before_anything_starts() -> None:
    run = network("nonsense", epochs=1)
    with pytest.raises(MeritnetError, match="unknown subnet kind"):
        asyncio.run(run.run())
    assert run.state.endpoint == ""
