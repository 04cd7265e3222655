"""Eight concurrent requests on one model, beside the same eight one after the other.

    python bench/serving.py [--requests 8] [--tokens 64] [--rounds 2] [--model NAME]

`batched`  the engine, asked for all answers at once: one left-padded batch, rows leave as they end.
`arriving` the engine, asked for the next answer when the one before has four tokens: the newcomer joins.
`alone`    the engine, asked for one answer after the other: the rival of the ratio.
`library`  transformers' own ``generate``, one after the other, and `library_batched` in one left-padded
           batch: what a miner would write without an engine. It is greedy, so its tokens are its own.

The model's own end tokens end nothing here, so that every answer has `--tokens` tokens. The run fails where
`batched` or `arriving` draws another token than `alone`. They take turns; the best of the rounds counts, as
tokens a second of wall time and of processor time, and is printed as one JSON object.
"""

import argparse
import asyncio
import json
import time
from collections.abc import AsyncGenerator, Callable
from hashlib import sha256

import torch

from meritnet.subnets.draws import Draws
from meritnet.subnets.models.engine import Engine
from meritnet.subnets.models.sampling import Sampling
from meritnet.subnets.models.sources import DEFAULT_MODEL
from meritnet.subnets.text_generation.miner import plain
from meritnet.subnets.text_generation.prompts import conversation

Answers = list[list[int]]


class Serving:
    """The requests, and each way to answer them."""

    def __init__(self, engine: Engine, requests: int, tokens: int) -> None:
        self.engine = engine
        self.tokens = tokens
        seeds = [sha256(f"serving {number}".encode()).digest() for number in range(requests)]
        self.prompts = [engine.encode_chat(plain(conversation(Draws(seed, "bench")))) for seed in seeds]
        self.samplings = [Sampling(seed, 0.8, tokens) for seed in seeds]
        engine.end_tokens = frozenset([engine.vocabulary_size - 1])  # the rarest of all

    def alone(self) -> Answers:
        """One after the other through the engine."""

        async def each() -> Answers:
            asked = zip(self.prompts, self.samplings, strict=True)
            return [await self.engine.generate(prompt, sampling) for prompt, sampling in asked]

        return asyncio.run(each())

    def batched(self) -> Answers:
        """All at once through the engine."""

        async def together() -> Answers:
            asked = zip(self.prompts, self.samplings, strict=True)
            return await asyncio.gather(*(self.engine.generate(prompt, drawn) for prompt, drawn in asked))

        return asyncio.run(together())

    def arriving(self) -> Answers:
        """Each a little after the one before, through the engine."""

        async def rest(answer: list[int], stream: AsyncGenerator[int, None]) -> list[int]:
            return [*answer, *[token async for token in stream]]

        async def in_turn() -> Answers:
            tasks = []
            for prompt, sampling in zip(self.prompts, self.samplings, strict=True):
                stream = self.engine.stream(prompt, sampling)
                first = [await anext(stream) for _ in range(4)]
                tasks.append(asyncio.create_task(rest(first, stream)))
            return await asyncio.gather(*tasks)

        return asyncio.run(in_turn())

    def library(self) -> Answers:
        """One after the other through transformers."""
        return [answer for prompt in self.prompts for answer in self._generate([prompt])]

    def library_batched(self) -> Answers:
        """All at once through transformers."""
        return self._generate(self.prompts)

    def _generate(self, prompts: Answers) -> Answers:
        width = max(map(len, prompts))
        ids = torch.tensor([[0] * (width - len(prompt)) + prompt for prompt in prompts])
        mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
        with torch.inference_mode():
            found = self.engine.model.generate(  # type: ignore[operator]
                ids, attention_mask=mask, min_new_tokens=self.tokens, max_new_tokens=self.tokens,
                do_sample=False, pad_token_id=0,
            )  # fmt: skip
        return [row[width:].tolist() for row in found]


def measured(work: Callable[[], Answers]) -> tuple[Answers, dict[str, float]]:
    """The answers, and how many of their tokens came in a second of the wall's clock and the processor's."""
    wall, cpu = time.perf_counter(), time.process_time()
    answers = work()
    took_s, cpu_s = time.perf_counter() - wall, time.process_time() - cpu
    count = sum(map(len, answers))
    return answers, {"tokens_per_s": count / took_s, "tokens_per_cpu_s": count / cpu_s}


def main() -> None:
    """Measures the four ways in turns."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--requests", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    options = parser.parse_args()
    serving = Serving(Engine.load(options.model), options.requests, options.tokens)
    ways = {
        "alone": serving.alone,
        "batched": serving.batched,
        "arriving": serving.arriving,
        "library": serving.library,
        "library_batched": serving.library_batched,
    }
    found: dict[str, dict[str, float]] = {name: {} for name in ways}
    answers: dict[str, Answers] = {}
    for _ in range(options.rounds):
        for name, work in ways.items():
            answers[name], once = measured(work)
            found[name] = {unit: max(value, found[name].get(unit, 0.0)) for unit, value in once.items()}
    if not answers["alone"] == answers["batched"] == answers["arriving"]:
        raise SystemExit("a batch drew other tokens than one after the other")
    shown = {name: {unit: round(value, 1) for unit, value in once.items()} for name, once in found.items()}
    speed = {name: once["tokens_per_s"] for name, once in found.items()}
    pairs = [("batched", rival) for rival in ("alone", "library", "library_batched")] + [
        ("arriving", "alone")
    ]
    ratios = {f"{ours}_over_{rival}": round(speed[ours] / speed[rival], 2) for ours, rival in pairs}
    print(json.dumps({"requests": options.requests, "tokens": options.tokens, **shown, **ratios}))


if __name__ == "__main__":
    main()
