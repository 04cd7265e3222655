"""The serving side: add the numbers. A lazy miner does not, so that people can watch it being caught."""

from meritnet.cli.template.sums.messages import MAX_REQUEST_BYTES, PATH, Reply, parse_question
from meritnet.subnets.base import MinerContext, Route


class SumsMiner:
    artifacts = None  # files served by content id: none
    chat = None  # an OpenAI-compatible chat: none

    def __init__(self, context: MinerContext) -> None:
        self.lazy = context.lazy
        self.routes = {PATH: Route(self.add, MAX_REQUEST_BYTES)}

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def add(self, body: bytes) -> bytes:
        question = parse_question(body)
        total = 0 if self.lazy else sum(question.numbers)
        return Reply(total=total).model_dump_json().encode()
