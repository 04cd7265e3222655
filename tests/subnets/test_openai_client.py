"""The public ``openai`` package, unchanged, against a miner's socket and the tiny model."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import openai
import pytest

from meritnet.chain.keys import KeyPair
from meritnet.miner.admission import Admission, Policy
from meritnet.miner.auth import ReplayStore, Verifier
from meritnet.miner.clients import Clients
from meritnet.miner.health import Health
from meritnet.miner.server import MinerServer
from meritnet.subnets.base import MinerContext
from meritnet.subnets.models.decoding import Request
from meritnet.subnets.models.engine import Engine
from meritnet.subnets.models.worker import Weight
from meritnet.subnets.text_generation.miner import GenerationMiner

Run = Callable[[Coroutine[Any, Any, Any]], Any]
MINER = KeyPair.from_uri("//Bob")
KEY = "an-api-key-of-alice"
ASKED: dict[str, Any] = {"model": "tiny", "seed": 7, "max_tokens": 12, "temperature": 1.0}
HI: Any = [{"role": "user", "content": "hi"}]

Talk = Callable[[openai.AsyncOpenAI], Coroutine[Any, Any, None]]


@pytest.fixture
def talk(engine: Engine, tmp_path: Path, run: Run) -> Callable[..., None]:
    """Runs ``scenario(client)`` against a miner that knows one API client."""

    @asynccontextmanager
    async def serving(policy: Policy) -> AsyncIterator[int]:
        role = GenerationMiner(MinerContext(lambda: engine, tmp_path, MINER.address))
        verifier = Verifier(MINER.address, ReplayStore(None, 0), time.time_ns)
        server = MinerServer(
            MINER,
            role,
            Admission(policy, time.monotonic),
            verifier,
            Health(),
            host="127.0.0.1",
            port=0,
            clients=Clients({"alice": KEY}),
        )
        await server.start()
        try:
            yield server.port
        finally:
            await server.stop()

    def start(scenario: Talk, key: str = KEY, policy: Policy | None = None) -> None:
        async def main() -> None:
            async with serving(policy or Policy()) as port:
                url = f"http://127.0.0.1:{port}/v1"
                async with openai.AsyncOpenAI(base_url=url, api_key=key, max_retries=0) as client:
                    await scenario(client)

        run(main())

    return start


def test_models_are_listed_and_found(talk: Callable[..., None]) -> None:
    async def scenario(client: openai.AsyncOpenAI) -> None:
        assert [model.id async for model in client.models.list()] == ["tiny"]
        assert (await client.models.retrieve("tiny")).owned_by == "meritnet"
        with pytest.raises(openai.NotFoundError, match="no model 'gpt' here"):
            await client.models.retrieve("gpt")

    talk(scenario)


def test_chat_comes_whole_and_in_pieces(talk: Callable[..., None]) -> None:
    async def scenario(client: openai.AsyncOpenAI) -> None:
        whole = await client.chat.completions.create(messages=HI, **ASKED)
        stream = await client.chat.completions.create(
            messages=HI, stream=True, stream_options={"include_usage": True}, **ASKED
        )
        chunks = [chunk async for chunk in stream]
        pieces = [choice.delta.content or "" for chunk in chunks for choice in chunk.choices]
        assert "".join(pieces) == whole.choices[0].message.content
        assert chunks[-1].usage == whole.usage
        assert whole.usage is not None
        assert 1 <= whole.usage.completion_tokens <= 12

    talk(scenario)


def test_completions_come_whole_and_in_pieces(talk: Callable[..., None]) -> None:
    async def scenario(client: openai.AsyncOpenAI) -> None:
        whole = await client.completions.create(prompt="Once upon", **ASKED)
        assert (whole.object, whole.id[:5]) == ("text_completion", "cmpl-")
        assert whole.choices[0].finish_reason in ("stop", "length")
        stream = await client.completions.create(prompt=["Once upon"], stream=True, **ASKED)
        chunks = [chunk async for chunk in stream]
        assert "".join(chunk.choices[0].text for chunk in chunks) == whole.choices[0].text
        assert chunks[-1].choices[0].finish_reason == whole.choices[0].finish_reason
        short = await client.completions.create(model="tiny", prompt="Once upon", seed=7, temperature=1.0)
        assert short.usage is not None
        assert short.usage.completion_tokens <= 16
        assert (await client.completions.create(prompt="", **ASKED)).choices[0].text is not None

    talk(scenario)


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"suffix": "end"}, "suffix"),
        ({"echo": True}, "echo"),
        ({"logprobs": 3}, "logprobs"),
        ({"best_of": 4}, "best_of"),
        ({"prompt": ["one", "two"]}, "prompt"),
        ({"prompt": "x" * 3000}, "prompt"),
    ],
)
def test_what_completions_cannot_do_is_refused_by_name(
    talk: Callable[..., None], fields: dict[str, Any], names: str
) -> None:
    async def scenario(client: openai.AsyncOpenAI) -> None:
        with pytest.raises(openai.BadRequestError) as error:
            await client.completions.create(**({"prompt": "hi"} | ASKED | fields))
        assert error.value.param == names

    talk(scenario)


def test_a_wrong_key_and_too_many_requests_are_the_client_s_own_errors(talk: Callable[..., None]) -> None:
    async def stranger(client: openai.AsyncOpenAI) -> None:
        with pytest.raises(openai.AuthenticationError, match="the API key is missing or wrong") as error:
            await client.models.list()
        assert error.value.request_id

    async def hurried(client: openai.AsyncOpenAI) -> None:
        await client.models.list()
        with pytest.raises(openai.RateLimitError, match=r"at most 0\.5 requests a second") as error:
            await client.models.list()
        assert error.value.response.headers["Retry-After"] == "2"

    talk(stranger, key="another-key-of-nobody")
    talk(hurried, policy=Policy(requests_per_s=0.5, burst=1))


def test_a_client_that_leaves_ends_its_generation(
    talk: Callable[..., None], engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Request] = []
    enqueue = engine._enqueue

    def note(request: Request, variant: str, weight: Weight) -> None:
        drawn.append(request)
        enqueue(request, variant, weight)

    monkeypatch.setattr(engine, "_enqueue", note)

    async def scenario(client: openai.AsyncOpenAI) -> None:
        stream = await client.completions.create(
            prompt="Once", stream=True, model="tiny", max_tokens=2000, temperature=2.0
        )
        async for _ in stream:
            break
        await stream.close()
        while not drawn[0].future.done():  # noqa: ASYNC110 - the engine's inside has no event to wait for
            await asyncio.sleep(0)
        assert drawn[0].future.cancelled()
        await client.completions.create(prompt="Once", **ASKED)  # the thread has gone on to others
        assert len(drawn[0].tokens) < 2000

    talk(scenario)
