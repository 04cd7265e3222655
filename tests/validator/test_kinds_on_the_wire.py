"""Both subnets whole: real roles behind the real server, asked, fetched from and judged over sockets.

The model is the two-layer one. The chat is used by OpenAI's own client.
"""

import asyncio
import json
import math
import pickle
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from meritnet.chain.client.metagraph import Axon
from meritnet.chain.keys import KeyPair
from meritnet.chain.types import BlockNumber
from meritnet.miner.admission import Admission, Peer, Policy
from meritnet.miner.auth import ReplayStore, Verifier
from meritnet.miner.health import Health
from meritnet.miner.server import MinerServer
from meritnet.subnets.artifacts import ArtifactStore
from meritnet.subnets.base import MinerContext, ValidatorContext
from meritnet.subnets.registry import subnet
from meritnet.validator.archive import Archive
from meritnet.validator.ask import Target
from meritnet.validator.audit import audit
from meritnet.validator.provenance import origin
from meritnet.validator.scores import ScoreBook
from meritnet.validator.step import Bench, Judged, Moment, step
from meritnet.validator.view import Block

pytestmark = pytest.mark.slow
VALIDATOR = KeyPair.from_uri("//Alice")
BLOCK = Block(7, "0x" + "42" * 32)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from meritnet.subnets.models.engine import Engine
    from meritnet.subnets.models.tiny import save_tiny

    loaded = Engine.load(save_tiny(tmp_path_factory.mktemp("models") / "tiny"))
    yield loaded
    loaded.close()


@asynccontextmanager
async def mining(kind: str, uid: int, engine: Any, directory: Path, *, lazy: bool = False) -> Any:
    """A miner of a kind on a loopback port."""
    pair = KeyPair.from_uri(f"//miner{uid}")
    role = subnet(kind).miner(MinerContext(lambda: engine, directory / f"miner{uid}", pair.address, lazy))
    admission = Admission(Policy(), lambda: 0.0)
    admission.update([(VALIDATOR.address, Peer(99, True, 10**9))])
    verifier = Verifier(pair.address, ReplayStore(None, time.time_ns()), time.time_ns)
    server = MinerServer(pair, role, admission, verifier, Health(), host="127.0.0.1", port=0)
    await role.start()
    await server.start()
    try:
        yield Target(uid, pair.address, Axon("127.0.0.1", server.port, BlockNumber(1), 1, 4))
    finally:
        await server.stop()
        await role.stop()


def judged_by_uid(kind: str, street: Any, engine: Any, targets: list[Target], steps: int = 1) -> Any:
    """What the last of some steps makes of everybody."""
    context = ValidatorContext(lambda: engine, street.directory / "validator", VALIDATOR.address)
    role = subnet(kind).validator(context)
    bench = Bench(
        origin=origin("0x" + "00" * 32, 1, VALIDATOR.address, kind, role),
        role=role,
        asker=street.asker,
        scores=ScoreBook(),
        archive=Archive(street.directory / "bundles"),
        report=lambda event: None,
        at_once=asyncio.Semaphore(4),
        threads=ThreadPoolExecutor(1),
    )

    async def work() -> dict[int, Judged]:
        previous = ""
        for number in range(steps):
            taken = await step(bench, Moment(BLOCK, 1, number, previous), targets, 10)
            previous = taken.bundle
            delivered = ArtifactStore(street.directory / "fetched")
            path, fresh = bench.archive.path(taken.bundle), subnet(kind).validator(context)
            found = await audit(path, lambda _, fresh=fresh: fresh, delivered)
            assert [one for one in found if not one.is_good] == []  # the same scores, from the bundles alone
        return {one.target.uid: one for one in taken.judged}

    return work()


def test_text_generation_pays_the_declared_model_only(on_street: Callable[..., None], engine: Any) -> None:
    async def scenario(street: Any) -> None:
        kind = "text_generation"
        async with (
            mining(kind, 1, engine, street.directory) as honest,
            mining(kind, 2, engine, street.directory, lazy=True) as lazy,
        ):
            found = await judged_by_uid(kind, street, engine, [honest, lazy])
        assert found[1].score.value == 1.0
        assert found[2].score.value == 0, found[2].score.why
        for one in found.values():
            assert one.exchange is not None

    on_street(scenario)


def test_fine_tuning_fetches_checks_and_pays_a_trained_adapter(
    on_street: Callable[..., None], engine: Any
) -> None:
    async def scenario(street: Any) -> None:
        kind = "fine_tuning"
        async with mining(kind, 1, engine, street.directory) as trained:
            found = await judged_by_uid(kind, street, engine, [trained], steps=2)
        score = found[1].score
        assert score.value > 0, score.why
        gain = score.evidence["loss_gain_nats"]
        assert isinstance(gain, float)
        assert gain > 0
        assert len(list((street.directory / "fetched").iterdir())) == 1

    on_street(scenario)


def adapter(engine: Any, dtype: str = "float32", value: float = 0.0) -> bytes:
    """A file of the right names and shapes."""
    import safetensors.torch
    import torch

    from meritnet.subnets.models.lora import expected_shapes

    made = {
        name: torch.full(shape, value, dtype=getattr(torch, dtype))
        for name, shape in expected_shapes(engine.model).items()
    }
    return safetensors.torch.save(made)


def disguised(engine: Any) -> bytes:
    """A pickle behind the header of a file of tensors."""
    whole = adapter(engine)
    head = whole[: 8 + int.from_bytes(whole[:8], "little")]
    return head + pickle.dumps({"weights": [1.0]})


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda engine: pickle.dumps({"weights": [1.0]}), "not a safetensors file"),
        (disguised, "bytes follow the last tensor, or are missing"),
        (lambda engine: adapter(engine, "float16"), "is not float32 (F32)"),
        (lambda engine: adapter(engine, "int32"), "is not float32 (F32)"),
        (lambda engine: adapter(engine, value=math.nan), "holds values that are not finite"),
    ],
    ids=["pickle", "pickle in disguise", "half precision", "integers", "NaN"],
)
def test_a_false_file_earns_nothing_and_is_named(
    on_street: Callable[..., None], engine: Any, make: Callable[[Any], bytes], why: str
) -> None:
    async def scenario(street: Any) -> None:
        async def offer(body: bytes) -> bytes:
            return json.dumps({"content_id": content_id, "size_bytes": len(data), "steps": 1}).encode()

        data = make(engine)
        target, role = await street.miner(1, offer)
        content_id = role.artifacts.put(data)
        role.routes["/fine_tuning"] = role.routes["/task"]
        found = await judged_by_uid("fine_tuning", street, engine, [target])
        assert found[1].score.value == 0.0
        assert found[1].score.why.startswith("the adapter cannot be used: ")
        assert why in found[1].score.why

    on_street(scenario)


def test_openai_s_own_client_chats_whole_and_streamed(on_street: Callable[..., None], engine: Any) -> None:
    from openai import AsyncOpenAI

    async def scenario(street: Any) -> None:
        async with (
            mining("text_generation", 1, engine, street.directory) as target,
            AsyncOpenAI(
                base_url=f"http://127.0.0.1:{target.axon.port}/v1", api_key="none", max_retries=0
            ) as client,
        ):
            names = [model.id async for model in await client.models.list()]
            request: dict[str, Any] = {
                "model": names[0],
                "messages": [{"role": "user", "content": "Hello"}],
                "max_tokens": 8,
                "seed": 7,
            }
            whole = await client.chat.completions.create(**request)
            pieces = [
                chunk.choices[0].delta.content or ""
                async for chunk in await client.chat.completions.create(**request, stream=True)
            ]
        assert whole.choices[0].message.content == "".join(pieces)
        assert whole.usage is not None
        assert 1 <= whole.usage.completion_tokens <= 8

    on_street(scenario)
