"""The serving side: answer a validator's request with the model, in the noise that it names."""

import asyncio
from collections.abc import Mapping

from meritnet.subnets.base import ChatBackend, InvalidRequest, MinerContext, Route
from meritnet.subnets.models.sampling import Sampling
from meritnet.subnets.models.verification.method import Trace
from meritnet.subnets.models.verification.projection import Projection
from meritnet.subnets.text_generation.chat import Chat
from meritnet.subnets.text_generation.messages import (
    MAX_REQUEST_BYTES,
    PATH,
    GenerationAnswer,
    Message,
    encode_fingerprint,
    parse_request,
)

LAZY_VARIANT = "shallow"
"""What a lazy miner runs instead: the same model without the last sixth of its layers."""


class GenerationMiner:
    """Serves the declared model; a lazy one serves a cheaper model under the same name."""

    artifacts = None

    def __init__(self, context: MinerContext) -> None:
        self._context = context
        self._variant = LAZY_VARIANT if context.lazy else ""
        self.routes: Mapping[str, Route] = {PATH: Route(self.answer, MAX_REQUEST_BYTES)}
        self.chat: ChatBackend = Chat(context.engine, variant=self._variant)

    async def start(self) -> None:
        """Load the model."""
        await asyncio.to_thread(self._context.engine)

    async def stop(self) -> None:
        """Nothing runs in the background; the engine belongs to whoever gave it."""

    async def answer(self, body: bytes) -> bytes:
        """Draw the answer to a request. Raises InvalidRequest."""
        request = parse_request(body)
        engine = await asyncio.to_thread(self._context.engine)
        if request.model != engine.name:
            raise InvalidRequest(f"this miner serves {engine.name}")
        prompt = await asyncio.to_thread(engine.encode_chat, plain(request.messages))
        if len(prompt) + request.max_tokens > engine.context_tokens:
            raise InvalidRequest(f"the model reads {engine.context_tokens} tokens, this would take more")
        sampling = Sampling(bytes.fromhex(request.seed), request.temperature, request.max_tokens)
        trace = Trace()
        tokens = await engine.generate(prompt, sampling, variant=self._variant, see=trace.see_hidden)
        evidence = Projection(request.fingerprint).evidence(trace, sampling.seed)
        answer = GenerationAnswer(
            nonce=request.nonce, tokens=tuple(tokens), fingerprint=encode_fingerprint(evidence)
        )
        return answer.model_dump_json().encode()


def plain(messages: tuple[Message, ...]) -> list[dict[str, str]]:
    """Messages as the chat template wants them."""
    return [{"role": message.role, "content": message.content} for message in messages]
