"""The engine on a tiny model: the same answer in any company, exact replay, lazy variants seen."""

import asyncio
from collections.abc import Callable, Coroutine, Generator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from meritnet.chain.errors import UsageError
from meritnet.subnets.models import lora
from meritnet.subnets.models.decoding import PREFILL_TOKENS, Request, Rows
from meritnet.subnets.models.engine import MAX_BATCH, UNREAD_TOKENS, Engine
from meritnet.subnets.models.sampling import Sampling, gumbel_noise
from meritnet.subnets.models.sources import ModelUnavailable
from meritnet.subnets.models.worker import Weight

TOLERANCE = 1e-3
PINNED = [-1.43816, 0.13281, 0.51787]
Run = Callable[[Coroutine[Any, Any, Any]], Any]


def sampling(number: int, temperature: float = 0.8, max_tokens: int = 24) -> Sampling:
    return Sampling(bytes([number]) * 32, temperature, max_tokens)


@pytest.fixture
def forwards(engine: Engine) -> Iterator[list[int]]:
    """Grows by a 1 with every forward pass of the base model."""
    passes: list[int] = []
    hook = engine.model.register_forward_hook(lambda *_: passes.append(1))
    yield passes
    hook.remove()


@pytest.fixture
def prompts(engine: Engine) -> list[list[int]]:
    texts = ["Say hello.", "What is a lighthouse, and who keeps it?", "Hm", "Compare tea and glass."]
    return [engine.encode_chat([{"role": "user", "content": text}]) for text in texts]


def test_noise_is_gumbel_and_depends_on_seed_and_position_only() -> None:
    noise = gumbel_noise(b"seed", 3, 50_000).numpy()
    assert abs(noise.mean() - 0.5772) < 0.03  # Euler's constant
    assert abs(noise.std() - np.pi / np.sqrt(6)) < 0.03
    assert (gumbel_noise(b"seed", 3, 1000).numpy() == noise[:1000]).all()
    assert (gumbel_noise(b"seed", 4, 1000).numpy() != noise[:1000]).all()
    # The bits are Philox's and stay what they are: other languages must be able to find them.
    assert [round(float(value), 5) for value in noise[:3]] == PINNED


def test_text_survives_the_round_trip(engine: Engine) -> None:
    assert engine.decode(engine.encode("héllo, 世界 🙂")) == "héllo, 世界 🙂"


def test_the_same_seed_gives_the_same_answer_and_another_seed_another(
    engine: Engine, prompts: list[list[int]], run: Run
) -> None:
    first = run(engine.generate(prompts[0], sampling(1)))
    assert run(engine.generate(prompts[0], sampling(1))) == first
    assert run(engine.generate(prompts[0], sampling(2))) != first


def test_company_in_a_batch_changes_nothing(engine: Engine, prompts: list[list[int]], run: Run) -> None:
    async def together() -> list[list[int]]:
        requests = [
            engine.generate(prompt, sampling(n, max_tokens=8 + 5 * n)) for n, prompt in enumerate(prompts)
        ]
        return await asyncio.gather(*requests)

    alone = [
        run(engine.generate(prompt, sampling(n, max_tokens=8 + 5 * n))) for n, prompt in enumerate(prompts)
    ]
    assert run(together()) == alone


def test_who_comes_later_joins_those_under_way(
    engine: Engine, prompts: list[list[int]], forwards: list[int], run: Run
) -> None:
    lengths = (200, 60, 60, 60)

    async def one_after_the_other() -> list[list[int]]:
        first = asyncio.create_task(engine.generate(prompts[0], sampling(0, max_tokens=lengths[0])))
        await asyncio.sleep(0)
        later = [(prompts[n], sampling(n, max_tokens=lengths[n])) for n in (1, 2, 3)]
        answers = [await engine.generate(prompt, drawn) for prompt, drawn in later]
        return [await first, *answers]

    together = run(one_after_the_other())
    passes = sum(forwards)
    alone = [
        run(engine.generate(prompt, sampling(number, max_tokens=length)))
        for number, (prompt, length) in enumerate(zip(prompts, lengths, strict=True))
    ]
    assert together == alone
    shared = sum(map(len, alone)) - passes
    assert shared > 100  # the later answers cost hardly a pass of their own


def rows_of(engine: Engine, prompt: list[int], drawn: Sampling) -> Rows:
    """One request in rows of its own, with its first token drawn."""
    request = Request(prompt, drawn, emit=lambda token: None)
    made = Rows(engine.model, [request], frozenset([engine.vocabulary_size - 1]))
    for _ in made.read():
        pass
    return made


def test_an_answer_that_ended_with_its_first_token_joins_nobody(
    engine: Engine, prompts: list[list[int]]
) -> None:
    going = rows_of(engine, prompts[0], sampling(0))
    ended = rows_of(engine, prompts[1], sampling(1, max_tokens=1))
    assert going.requests
    assert not ended.requests
    assert not going.can_take(ended, MAX_BATCH)


def test_rows_that_come_and_go_leave_no_padding_behind(engine: Engine, prompts: list[list[int]]) -> None:
    going, widths, joined = rows_of(engine, prompts[0], sampling(0, max_tokens=20)), [], 0
    for number in range(1, 40):
        for _ in range(10):  # half an answer, so that there are mostly two under way
            if going.requests:
                going.draw()
        newcomer = rows_of(engine, prompts[0], sampling(number, max_tokens=20))
        if going.requests:
            assert going.can_take(newcomer, MAX_BATCH)
            assert not going.can_take(newcomer, len(going.requests))
            going.take(newcomer)
            joined += 1
        else:  # an answer ended by itself
            going = newcomer
        widths.append(going.width)
    assert joined > 20
    assert max(widths) <= len(prompts[0]) + 20


def test_what_breaks_a_batch_is_told_to_all_who_joined_it(
    tiny_folder: Path, prompts: list[list[int]], run: Run
) -> None:
    breaking = Engine.load(tiny_folder)
    passes = 0

    def break_at_last(*_: object) -> None:
        nonlocal passes
        passes += 1
        if passes > 40:
            raise MemoryError

    async def scenario() -> list[BaseException | list[int]]:
        first = breaking.stream(prompts[0], sampling(0, max_tokens=500), weight=Weight.REQUEST)
        await anext(first)
        late = asyncio.create_task(breaking.generate(prompts[1], sampling(1, max_tokens=500)))

        async def rest() -> list[int]:
            return [token async for token in first]

        return await asyncio.gather(rest(), late, return_exceptions=True)

    hook = breaking.model.register_forward_pre_hook(break_at_last)
    assert [type(end) for end in run(scenario())] == [MemoryError, MemoryError]
    hook.remove()
    assert run(breaking.generate(prompts[0], sampling(1)))
    breaking.close()


def test_a_long_prompt_is_read_in_pieces_and_replays_all_the_same(engine: Engine, run: Run) -> None:
    texts = ["A lighthouse stands on a rock. " * 24, "Hm", "A canal lock lifts ships. " * 11]
    long = [engine.encode_chat([{"role": "user", "content": text}]) for text in texts]
    assert len(long[0]) > 2 * PREFILL_TOKENS

    async def together() -> list[list[int]]:
        return await asyncio.gather(*(engine.generate(prompt, sampling(n)) for n, prompt in enumerate(long)))

    for number, answer in enumerate(run(together())):
        replay = run(engine.replay(long[number], answer, sampling(number)))
        assert replay.matching(TOLERANCE) == len(answer)


@pytest.mark.parametrize("temperature", [0.0, 0.5, 1.0])
def test_honest_answers_replay_token_by_token(
    engine: Engine, prompts: list[list[int]], temperature: float, run: Run
) -> None:
    for number, prompt in enumerate(prompts):
        drawn = sampling(number, temperature)
        answer = run(engine.generate(prompt, drawn))
        replay = run(engine.replay(prompt, answer, drawn))
        assert replay.matching(TOLERANCE) == len(answer) == len(replay.gaps)


@pytest.mark.parametrize("variant", ["skip:1", "shallow", "int4"])
def test_a_cheaper_model_does_not_replay(
    engine: Engine, prompts: list[list[int]], variant: str, run: Run
) -> None:
    matching = total = 0
    for number, prompt in enumerate(prompts):
        answer = run(engine.generate(prompt, sampling(number), variant=variant))
        matching += run(engine.replay(prompt, answer, sampling(number))).matching(TOLERANCE)
        total += len(answer)
    assert matching < 0.9 * total


def test_variants_share_the_weights_or_leave_them_alone(
    engine: Engine, prompts: list[list[int]], run: Run
) -> None:
    before = run(engine.generate(prompts[0], sampling(5)))
    for variant in ("shallow", "int8", "int4"):
        run(engine.generate(prompts[0], sampling(5), variant=variant))
    assert run(engine.generate(prompts[0], sampling(5))) == before


@pytest.mark.parametrize("variant", ["skip:2", "skip:0", "int2", "tiny"])
def test_an_unknown_variant_is_refused_and_the_engine_goes_on(
    engine: Engine, prompts: list[list[int]], variant: str, run: Run
) -> None:
    with pytest.raises(UsageError):
        run(engine.generate(prompts[0], sampling(1), variant=variant))
    assert run(engine.generate(prompts[0], sampling(1)))


def test_a_stream_gives_the_same_tokens_and_can_be_closed(
    engine: Engine, prompts: list[list[int]], run: Run
) -> None:
    async def streamed(most: int) -> list[int]:
        tokens = []
        stream = engine.stream(prompts[0], sampling(1))
        async for token in stream:
            tokens.append(token)
            if len(tokens) == most:
                break
        await stream.aclose()
        return tokens

    whole = run(engine.generate(prompts[0], sampling(1)))
    assert run(streamed(100)) == whole
    assert run(streamed(3)) == whole[:3]


def test_a_cancelled_caller_leaves_the_engine_working(
    engine: Engine, prompts: list[list[int]], run: Run
) -> None:
    async def impatient() -> None:
        task = asyncio.create_task(engine.generate(prompts[0], sampling(1, max_tokens=200)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(impatient())
    assert run(engine.generate(prompts[0], sampling(1)))


def test_losses_are_those_of_the_definition(engine: Engine, run: Run) -> None:
    import torch

    examples = np.arange(6 * 20, dtype=np.int32).reshape(6, 20) % 200
    found = run(engine.losses(examples))
    with torch.no_grad():
        tokens = torch.from_numpy(examples.astype(np.int64))
        logs = torch.log_softmax(engine.model(input_ids=tokens).logits[:, :-1].double(), dim=-1)
        due = -logs.gather(2, tokens[:, 1:, None]).squeeze(2).mean(dim=1).numpy()
    assert np.allclose(found, due, atol=1e-5)


def test_one_question_is_measured_once_however_many_ask(
    engine: Engine, forwards: list[int], run: Run
) -> None:
    examples = np.arange(4 * 20, dtype=np.int32).reshape(4, 20) % 199

    async def ask() -> list[np.ndarray]:
        askers = [asyncio.create_task(engine.losses(examples)) for _ in range(5)]
        await asyncio.sleep(0)
        askers.pop(0).cancel()  # whoever came first leaves; the others still get their answer
        return await asyncio.gather(*askers)

    together = run(ask())
    assert sum(forwards) == 1
    assert (run(engine.losses(examples)) == together).all()
    assert sum(forwards) == 1


def test_a_measurement_that_failed_is_tried_again(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    examples = np.arange(40, dtype=np.int32).reshape(2, 20) % 198
    with monkeypatch.context() as broken:
        broken.setattr(engine, "_measure", _fails)
        with pytest.raises(MemoryError):
            run(engine.losses(examples))
    assert np.isfinite(run(engine.losses(examples))).all()


def _fails(*_: object) -> Generator[None, None, np.ndarray]:
    yield
    raise MemoryError


def test_a_reader_who_falls_behind_stops_its_own_answer_only(
    engine: Engine, prompts: list[list[int]], forwards: list[int], run: Run
) -> None:
    long = sampling(1, max_tokens=3 * UNREAD_TOKENS)
    other = sampling(2, max_tokens=2 * UNREAD_TOKENS)

    async def read_late() -> tuple[list[int], list[int]]:
        stream = engine.stream(prompts[0], long, weight=Weight.REQUEST)
        read = [await anext(stream)]
        for_the_stream = []
        for _ in range(20):  # while others are answered it runs ahead, and then rests
            forwards.clear()
            drawn = await engine.generate(prompts[1], other)
            for_the_stream.append(sum(forwards) - len(drawn))
        read += [token async for token in stream]
        return read, for_the_stream

    read, for_the_stream = run(read_late())
    assert read == run(engine.generate(prompts[0], long))
    assert len(read) > 2 * UNREAD_TOKENS
    assert sum(for_the_stream) <= UNREAD_TOKENS + 1
    assert for_the_stream[-1] == 0


def test_closing_ends_waiting_requests(tiny_folder: Path, prompts: list[list[int]], run: Run) -> None:
    closing = Engine.load(tiny_folder)

    async def late() -> None:
        task = asyncio.create_task(closing.generate(prompts[0], sampling(1, max_tokens=1000)))
        await asyncio.sleep(0)
        await asyncio.to_thread(closing.close)
        with pytest.raises(asyncio.CancelledError):
            await task

    run(late())


def test_a_folder_without_a_model_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="cannot load a model from"):
        Engine.load(tmp_path)


def test_a_new_adapter_is_for_the_next_batch_and_the_one_under_way_keeps_its_model(
    engine: Engine, prompts: list[list[int]], run: Run
) -> None:
    first, second = (lora.Adapter(str(n), _random_tensors(engine, seed=n)) for n in (1, 2))

    async def scenario() -> tuple[list[int], list[int], list[int], list[int]]:
        await engine.adopt("swapped", first)
        alone = await engine.generate(prompts[0], sampling(1, max_tokens=64), variant="swapped")
        stream = engine.stream(prompts[0], sampling(1, max_tokens=64), variant="swapped")
        under_way = [await anext(stream)]
        await engine.adopt("swapped", second)
        under_way += [token async for token in stream]
        after = await engine.generate(prompts[0], sampling(1, max_tokens=64), variant="swapped")
        base = await engine.generate(prompts[0], sampling(1, max_tokens=64))
        return alone, under_way, after, base

    alone, under_way, after, base = run(scenario())
    assert under_way == alone
    assert len({tuple(alone), tuple(after), tuple(base)}) == 3


def _random_tensors(engine: Engine, seed: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shapes = lora.expected_shapes(engine.model)
    return {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}
