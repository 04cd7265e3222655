"""A subnet in which a validator draws numbers and a miner adds them: the place to start from."""

import json
import random
from collections.abc import Mapping
from pathlib import Path

from meritnet.subnets.base import (
    Answer,
    ArtifactRef,
    InvalidAnswer,
    InvalidRequest,
    MinerContext,
    Route,
    Score,
    Task,
    ValidatorContext,
)


class SumsMiner:
    artifacts = None  # files served by content id: none
    chat = None  # an OpenAI-compatible chat: none

    def __init__(self, context: MinerContext) -> None:
        self.lazy = context.lazy
        self.routes = {"/sums": Route(self.add, max_request_bytes=4096)}

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def add(self, body: bytes) -> bytes:
        numbers = json.loads(body)
        if not isinstance(numbers, list) or not all(isinstance(number, int) for number in numbers):
            raise InvalidRequest("send a list of whole numbers")
        return json.dumps(0 if self.lazy else sum(numbers)).encode()


class SumsValidator:
    def task(self, seed: bytes, uid: int) -> Task:
        draw = random.Random(seed + uid.to_bytes(2, "little"))
        numbers = [draw.randrange(1_000_000) for _ in range(10)]
        return Task("/sums", json.dumps(numbers).encode(), deadline_s=5, max_answer_bytes=64)

    def artifacts(self, task: Task, answer: Answer) -> list[ArtifactRef]:
        return []

    async def score(self, task: Task, answer: Answer, artifacts: Mapping[str, Path]) -> Score:
        try:
            claimed = int(json.loads(answer.body))
        except (ValueError, TypeError):
            raise InvalidAnswer("the answer is no number") from None
        due = sum(json.loads(task.body))
        return Score(float(claimed == due), why=f"said {claimed}, it is {due}", evidence={"due": due})


class Sums:
    kind = "sums"
    summary = "add ten numbers"
    hyperparameters: Mapping[str, int | bool] = {"tempo": 20}

    def miner(self, context: MinerContext) -> SumsMiner:
        return SumsMiner(context)

    def validator(self, context: ValidatorContext) -> SumsValidator:
        return SumsValidator()


subnet = Sums()
