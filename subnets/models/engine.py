"""The language model that miners serve and validators check: one loaded copy, one thread, an async face.

By default everything is float32 on the CPU with a fixed number of threads, because a validator must repeat a
miner's arithmetic: on one build the logits of decoding with a cache, decoding in a batch and one prefill then
differ by less than 1e-4 (docs/log.md).
"""

import asyncio
import contextlib
import threading
from collections import OrderedDict
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from concurrent.futures import Future
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from meritnet.subnets.base import Report, ignore
from meritnet.subnets.models import decoding
from meritnet.subnets.models.decoding import Replay, Request, Rows, See
from meritnet.subnets.models.loading import Loading, as_loading
from meritnet.subnets.models.opening import open_model
from meritnet.subnets.models.sampling import Sampling
from meritnet.subnets.models.sources import DEFAULT_MODEL, ModelUnavailable
from meritnet.subnets.models.variants import variant_of
from meritnet.subnets.models.worker import Weight, Worker

if TYPE_CHECKING:
    from meritnet.subnets.models.lora import Adapter

T = TypeVar("T")
THREADS = 2
MAX_BATCH = 8
REMEMBERED_LOSSES = 256
UNREAD_TOKENS = 64
"""Of a stream that may wait for its reader; with more, its drawing rests until half of them are read."""

Messages = Sequence[Mapping[str, str]]


class Engine:
    """A model and its tokenizer.

    Calls may come from any event loop; the work is done in one thread, fairly.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, name: str) -> None:
        self.model = model.eval().requires_grad_(False)
        self.name = name
        self.context_tokens = int(model.config.max_position_embeddings)
        self.vocabulary_size = int(model.config.vocab_size)
        self.end_tokens = _end_tokens(model, tokenizer)
        self._tokenizer = tokenizer
        self._tokenizer_lock = threading.Lock()  # fast tokenizers refuse to be used by two threads at once
        self._worker = Worker(f"engine {name}")
        self._worker.submit(_fix_threads(), Weight.CHAT)
        self._variants: dict[str, PreTrainedModel] = {"": self.model}
        self._waiting: dict[tuple[str, Weight], list[Request]] = {}
        self._waiting_lock = threading.Lock()
        self._going: dict[tuple[str, Weight], list[Rows]] = {}
        """What is being answered; only the engine's thread looks at it."""
        self._losses: OrderedDict[bytes, Future[np.ndarray]] = OrderedDict()
        self._losses_lock = threading.Lock()

    @classmethod
    def load(cls, wanted: Loading | str | Path = DEFAULT_MODEL, report: Report = ignore) -> "Engine":
        """Load a model by name, folder or hub id; blocks.

        Raises ModelUnavailable, also for one that does not fit, before anything is fetched.
        """
        loading = as_loading(wanted)
        torch.set_num_threads(THREADS)
        model, tokenizer = open_model(loading, report)
        return cls(model, tokenizer, loading.name)

    # Text and tokens

    def encode(self, text: str) -> list[int]:
        """Tokens of a text, special tokens not added."""
        with self._tokenizer_lock:
            return list(self._tokenizer(text, add_special_tokens=False, verbose=False).input_ids)

    def encode_chat(self, messages: Messages) -> list[int]:
        """Tokens of a conversation in the model's own template, ready for the assistant's answer."""
        with self._tokenizer_lock:
            text = self._tokenizer.apply_chat_template(
                list(messages), add_generation_prompt=True, tokenize=False
            )
        return self.encode(str(text))

    def decode(self, tokens: Sequence[int]) -> str:
        """Text of tokens, special tokens left out."""
        with self._tokenizer_lock:
            return str(self._tokenizer.decode(list(tokens), skip_special_tokens=True))

    # Answers

    async def generate(
        self,
        prompt: Sequence[int],
        sampling: Sampling,
        *,
        variant: str = "",
        weight: Weight = Weight.REQUEST,
        see: See | None = None,
    ) -> list[int]:
        """Draw an answer.

        At most `max_tokens` tokens, the last one an end token if the model stopped itself. `see` is called on
        the engine's thread.
        """
        request = Request(prompt, sampling, emit=lambda token: None, see=see)
        self._enqueue(request, variant, weight)
        return await asyncio.wrap_future(request.future)

    async def stream(
        self, prompt: Sequence[int], sampling: Sampling, *, variant: str = "", weight: Weight = Weight.CHAT
    ) -> AsyncGenerator[int, None]:
        """Draw an answer token by token; closing the iterator ends the work.

        A reader that falls UNREAD_TOKENS behind stops the drawing of its answer and of no other.
        """
        loop = asyncio.get_running_loop()
        drawn: asyncio.Queue[int | None] = asyncio.Queue()

        def emit(token: int | None) -> None:
            with contextlib.suppress(RuntimeError):  # the loop was closed between two tokens; nobody listens
                loop.call_soon_threadsafe(drawn.put_nowait, token)

        request = Request(prompt, sampling, emit, lambda: drawn.qsize() >= UNREAD_TOKENS)
        request.future.add_done_callback(lambda _: emit(None))
        self._enqueue(request, variant, weight)
        try:
            while (token := await drawn.get()) is not None:
                if request.resting and drawn.qsize() <= UNREAD_TOKENS // 2:
                    request.resting = False
                    self._enqueue(request, variant, weight)
                yield token
            request.future.result()
        finally:
            request.future.cancel()

    async def replay(self, prompt: Sequence[int], answer: Sequence[int], sampling: Sampling) -> Replay:
        """Say for every token of an answer whether this model draws it, with one forward pass."""
        return await self.run(decoding.replay(self.model, prompt, answer, sampling), Weight.CHECK)

    async def adopt(self, variant: str, adapter: "Adapter") -> None:
        """Make base + adapter the model of a variant, from its next batch on.

        A batch that is under way keeps the model that it began with.
        """
        await self.run(self._adopt(variant, adapter), Weight.CHAT)

    # Losses and training

    async def losses(self, examples: np.ndarray, adapter: "Adapter | None" = None) -> np.ndarray:
        """Mean loss of every example, in nats per token, of the base or of base + adapter.

        `examples` are token ids of shape (N, T), the result has shape (N,). One question is measured once,
        however many ask it, at the same time or later; whoever leaves does not stop it for the others.
        """
        question = sha256(adapter.content_id.encode() if adapter else b"base")
        question.update(repr(examples.shape).encode() + np.ascontiguousarray(examples).tobytes())
        key = question.digest()
        with self._losses_lock:
            if key not in self._losses or _has_failed(self._losses[key]):
                self._losses[key] = self._worker.submit(self._measure(examples, adapter), Weight.CHECK)
            measuring = self._losses[key]
            while len(self._losses) > REMEMBERED_LOSSES:
                self._losses.popitem(last=False)
        return await asyncio.shield(asyncio.wrap_future(measuring))

    async def run(self, steps: Generator[None, None, T], weight: Weight = Weight.BACKGROUND) -> T:
        """Do any stepwise work on the engine's thread; cancelling the call ends it at its next step."""
        return await asyncio.wrap_future(self._worker.submit(steps, weight))

    def close(self) -> None:
        """End the thread; unfinished answers are cancelled."""
        self._worker.close()
        with self._waiting_lock:
            left = [request for requests in self._waiting.values() for request in requests]
            self._waiting.clear()
        for request in left:
            request.future.cancel()

    def _measure(self, examples: np.ndarray, adapter: "Adapter | None") -> Generator[None, None, np.ndarray]:
        model = self.model
        if adapter:
            from meritnet.subnets.models.lora import applied  # peft takes seconds to import

            model = applied(model, adapter)
        return (yield from decoding.example_losses(model, examples))

    def _adopt(self, variant: str, adapter: "Adapter") -> Generator[None, None, None]:
        from meritnet.subnets.models.lora import applied  # peft takes seconds to import

        yield
        self._variants[variant] = applied(self.model, adapter)

    def _enqueue(self, request: Request, variant: str, weight: Weight) -> None:
        """Let a request wait for the thread to come round, and call it."""
        with self._waiting_lock:
            self._waiting.setdefault((variant, weight), []).append(request)
        self._worker.submit(self._decode(variant, weight), weight)

    def _decode(self, variant: str, weight: Weight) -> Generator[None, None, None]:
        """Read the prompts that wait, then join the rows of the same kind that are under way, or go alone."""
        with self._waiting_lock:
            waiting = self._waiting.get((variant, weight), [])
            batch, waiting[:] = waiting[:MAX_BATCH], waiting[MAX_BATCH:]
        batch = [request for request in batch if not request.future.cancelled()]
        if not batch:
            return
        going = self._going.setdefault((variant, weight), [])
        rows: Rows | None = None
        try:
            rows = Rows(self._variant(variant), batch, self.end_tokens)
            yield from rows.read()
            for others in going:
                if others.can_take(rows, MAX_BATCH):
                    others.take(rows)
                    return
            going.append(rows)
            while rows.requests:
                yield
                rows.draw()
        except Exception as error:  # noqa: BLE001 — the thread's edge: whoever waits for an answer gets the error
            for request in rows.requests if rows else batch:
                if not request.future.done() and request.future.set_running_or_notify_cancel():
                    request.future.set_exception(error)
        except GeneratorExit:  # the engine is being closed
            for request in rows.requests if rows else batch:
                request.future.cancel()
            raise
        finally:
            if rows in going:
                going.remove(rows)

    def _variant(self, name: str) -> PreTrainedModel:
        if name not in self._variants:
            self._variants[name] = variant_of(self.model, name)
        return self._variants[name]


def _has_failed(work: "Future[np.ndarray]") -> bool:
    return work.cancelled() or (work.done() and work.exception() is not None)


def _fix_threads() -> Generator[None, None, None]:
    torch.set_num_threads(THREADS)  # the setting belongs to the calling thread
    yield


def _end_tokens(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    """Tokens that end an answer, by the model's settings and the tokenizer's."""
    declared = model.generation_config.eos_token_id if model.generation_config else None
    listed = declared if isinstance(declared, list) else [declared]
    found = frozenset(token for token in (*listed, tokenizer.eos_token_id) if isinstance(token, int))
    if not found:
        raise ModelUnavailable("the model names no token that ends an answer")
    return found
