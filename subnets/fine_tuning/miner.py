"""The serving side: train an adapter once, then tell every validator which file it is."""

import asyncio
from collections.abc import Mapping

from meritnet.subnets.base import InvalidRequest, MinerContext, Route
from meritnet.subnets.fine_tuning.data import corpus_of
from meritnet.subnets.fine_tuning.messages import MAX_REQUEST_BYTES, PATH, AdapterAnswer, parse_request
from meritnet.subnets.fine_tuning.shelf import Published, Shelf
from meritnet.subnets.fine_tuning.training import Recipe, train

LAZY_STEPS = 1
"""A lazy miner trains this little."""


class FineTuningMiner:
    """Offers one adapter of the declared model."""

    chat = None

    def __init__(self, context: MinerContext) -> None:
        self._context = context
        self._shelf = Shelf(context.data_dir)
        self._published: Published | None = None
        self.artifacts = self._shelf.store
        self.routes: Mapping[str, Route] = {PATH: Route(self.offer, MAX_REQUEST_BYTES)}

    async def start(self) -> None:
        """Train, unless an adapter of this model is on the shelf already."""
        engine = await asyncio.to_thread(self._context.engine)
        self._published = self._shelf.on_offer(engine.name)
        if self._published is None:
            corpus = await asyncio.to_thread(corpus_of, engine)
            recipe = Recipe(steps=LAZY_STEPS) if self._context.lazy else Recipe()
            steps = train(engine.model, corpus.train, self._context.hotkey, recipe, self._context.report)
            self._published = self._shelf.publish(await engine.run(steps), recipe.steps, engine.name)

    async def stop(self) -> None:
        """Nothing runs in the background; a training that is under way ends with the call of `start`."""

    async def offer(self, body: bytes) -> bytes:
        """Answer a validator. Raises InvalidRequest."""
        request = parse_request(body)
        if self._published is None:
            raise InvalidRequest("the adapter is still being trained")
        if request.model != self._published.model:
            raise InvalidRequest(f"this miner's adapter is for {self._published.model}")
        published = self._published
        answer = AdapterAnswer(
            content_id=published.content_id, size_bytes=published.size_bytes, steps=published.steps
        )
        return answer.model_dump_json().encode()
