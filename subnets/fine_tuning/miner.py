"""The serving side: train an adapter once, then tell every validator which file it is, and chat with it.

A better adapter that `meritnet miner finetune` publishes meanwhile is taken up without a restart: with the
next question of a validator it is offered, and spoken by the chat from its next batch on.
"""

import asyncio
from collections.abc import Mapping

from meritnet.subnets.base import ChatBackend, InvalidRequest, MinerContext, Route
from meritnet.subnets.fine_tuning.data import corpus_of
from meritnet.subnets.fine_tuning.limits import LIMITS
from meritnet.subnets.fine_tuning.messages import MAX_REQUEST_BYTES, PATH, AdapterAnswer, parse_request
from meritnet.subnets.fine_tuning.shelf import Published, Shelf
from meritnet.subnets.fine_tuning.training import Recipe, train
from meritnet.subnets.models import lora
from meritnet.subnets.models.engine import Engine
from meritnet.subnets.text_generation.chat import Chat

LAZY_STEPS = 1
"""A lazy miner trains this little."""


class FineTuningMiner:
    """Offers one adapter of the declared model."""

    def __init__(self, context: MinerContext) -> None:
        self._context = context
        self._shelf = Shelf(context.data_dir)
        self._published: Published | None = None
        self.artifacts = self._shelf.store
        self.routes: Mapping[str, Route] = {PATH: Route(self.offer, MAX_REQUEST_BYTES)}
        # Several miners of one process share an engine: each speaks a variant of its own.
        self._variant = f"adapted:{context.hotkey}"
        self.chat: ChatBackend = Chat(context.engine, variant=self._variant)

    async def start(self) -> None:
        """Train, unless an adapter of this model is on the shelf already."""
        engine = await asyncio.to_thread(self._context.engine)
        if not await self._take_up(engine):
            corpus = await asyncio.to_thread(corpus_of, engine)
            recipe = Recipe(steps=LAZY_STEPS) if self._context.lazy else Recipe()
            steps = train(engine.model, corpus.train, self._context.hotkey, recipe, self._context.report)
            self._shelf.publish(await engine.run(steps), recipe.steps, engine.name)
            await self._take_up(engine)

    async def stop(self) -> None:
        """Nothing runs in the background; a training that is under way ends with the call of `start`."""

    async def offer(self, body: bytes) -> bytes:
        """Answer a validator. Raises InvalidRequest."""
        request = parse_request(body)
        if self._published is None:
            raise InvalidRequest("the adapter is still being trained")
        await self._take_up(await asyncio.to_thread(self._context.engine))
        if request.model != self._published.model:
            raise InvalidRequest(f"this miner's adapter is for {self._published.model}")
        published = self._published
        answer = AdapterAnswer(
            content_id=published.content_id, size_bytes=published.size_bytes, steps=published.steps
        )
        return answer.model_dump_json().encode()

    async def _take_up(self, engine: Engine) -> bool:
        """Offer and speak what lies on the shelf, if it is another adapter; say whether any does.

        Raises AdapterError for a file that is none.
        """
        newest = self._shelf.on_offer(engine.name)
        if newest is not None and newest != self._published:
            data = await asyncio.to_thread(self._shelf.store.path(newest.content_id).read_bytes)
            adapter = lora.read(data, newest.content_id, engine.model, LIMITS)
            await engine.adopt(self._variant, adapter)
            self._published = newest
        return newest is not None
