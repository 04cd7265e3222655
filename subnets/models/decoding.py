"""Work on a model, step by step: decode, replay, measure losses. Plain functions; no threads, no clock.

Generators yield wherever they may be interrupted; see `meritnet.subnets.models.worker`.
Letters in shapes: B requests or examples, T tokens, V vocabulary, D width of the model.
"""

import contextlib
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np
import torch
from transformers import DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer

from meritnet.subnets.models.sampling import Sampling, noisy_logits

PREFILL_TOKENS = 256
"""A prompt is read in pieces of this length, half a second each, so that a long one holds up nobody."""
LOSS_BATCH = 4
"""Examples per forward pass; bounds the memory of the logits (4 x 128 x 49,152 floats = 100 MB)."""

See = Callable[[torch.Tensor, torch.Tensor, int], None]
"""Is shown the hidden state (D,) and the logits (V,) that a token was drawn from, and the token.

The tensors belong to the engine: keep copies.
"""


@dataclass(eq=False)
class Request:
    """An answer in the making."""

    prompt: Sequence[int]
    sampling: Sampling
    emit: Callable[[int], None]
    """Called with every token as it is drawn."""
    far_ahead: Callable[[], bool] = lambda: False
    """Whether the reader is so far behind that drawing should rest."""
    see: See | None = None
    """Called with what each token was drawn from."""
    future: "Future[list[int]]" = field(default_factory=Future)
    tokens: list[int] = field(default_factory=list)
    resting: bool = False
    """It left its batch unfinished. Whoever reads puts it back; it goes on behind the tokens it has."""

    def take(self, token: int, end_tokens: frozenset[int]) -> bool:
        """Add a token; say whether more are wanted now."""
        self.tokens.append(token)
        more = token not in end_tokens and len(self.tokens) < self.sampling.max_tokens
        # Before the token is given away: the reader who finds it must see that nothing follows by itself.
        self.resting = more and self.far_ahead()
        going_on = more and not self.resting
        self.emit(token)
        if more:
            return going_on and not self.future.cancelled()
        if self.future.set_running_or_notify_cancel():
            self.future.set_result(self.tokens)
        return False


@dataclass(frozen=True)
class Replay:
    """What one prefill says about an answer, token by token."""

    gaps: tuple[float, ...]
    """The best noisy logit less the answer's; 0 where the declared model draws the same token."""
    surprises: tuple[float, ...]
    """How many nats below its expectation lies the token's log-probability, at the answer's temperature."""
    spreads: tuple[float, ...]
    """Variance of that log-probability over what could have been drawn, in nats squared."""
    logprobs: np.ndarray
    """Log-probability of the token in the model's own distribution (temperature 1), float32 (T,)."""
    hidden: np.ndarray
    """What the output layer reads, float32 (T, D)."""

    def matching(self, tolerance: float) -> int:
        """Count the tokens that the declared model would have drawn, up to rounding noise."""
        return sum(gap <= tolerance for gap in self.gaps)


class Rows:
    """Requests that are answered together: a row each of one cache, padded on the left.

    Rows leave when their answers end, and others whose prompts have been read may join (continuous batching).
    """

    def __init__(self, model: PreTrainedModel, requests: list[Request], end_tokens: frozenset[int]) -> None:
        self.requests = requests
        self._model = model
        self._end_tokens = end_tokens
        pad = min(end_tokens)  # any token will do, it is masked
        texts = [[*request.prompt, *request.tokens] for request in requests]
        width = max(map(len, texts))
        padded = [[pad] * (width - len(text)) + text for text in texts]
        kept = [[0] * (width - len(text)) + [1] * len(text) for text in texts]
        self._unread = torch.tensor(padded, device=model.device)  # (B, T)
        self._mask = torch.tensor(kept, device=model.device)  # (B, T)
        self._cache = DynamicCache(config=model.config)

    def read(self) -> Generator[None, None, None]:
        """Read the prompts and draw the first tokens."""
        while self._unread.shape[1] > PREFILL_TOKENS:
            rest = self._unread[:, PREFILL_TOKENS:]
            self._last_logits(self._unread[:, :PREFILL_TOKENS], self._mask[:, : -rest.shape[1]])
            self._unread = rest
            yield
        self.draw()

    def draw(self) -> None:
        """Draw a token for every row; answers that are complete go to their futures and leave."""
        with watched(self._model) as hidden:
            logits = self._last_logits(self._unread, self._mask)
        drawn = [
            int(noisy_logits(row, request.sampling, len(request.tokens)).argmax())
            for row, request in zip(logits, self.requests, strict=True)
        ]
        for row, request in enumerate(self.requests):
            if request.see:
                request.see(hidden[0][row, -1], logits[row], drawn[row])
        going_on = [row for row, r in enumerate(self.requests) if r.take(drawn[row], self._end_tokens)]
        if not going_on:
            self.requests = []
            return
        if len(going_on) < len(self.requests):
            self._keep(going_on)
        self._unread = torch.tensor([[drawn[row]] for row in going_on], device=self._model.device)
        self._mask = torch.cat([self._mask, self._mask.new_ones(len(going_on), 1)], dim=1)

    @property
    def width(self) -> int:
        """Columns, padding included: what a pass pays for."""
        return self._mask.shape[1]

    def can_take(self, others: "Rows", most: int) -> bool:
        """Say whether `others`, whose first tokens are drawn, may join: the same model, and room for them.

        Rows whose answers have all ended may not: nothing is left of them to join.
        """
        fits = 0 < len(others.requests) <= most - len(self.requests)
        return fits and self._model is others._model and _plain(*self._cache.layers, *others._cache.layers)

    def take(self, others: "Rows") -> None:
        """Let others join; they lose nothing by it."""
        width = max(self.width, others.width)
        both = (self, others)
        mask = torch.cat([_padded(rows._mask, width, dim=1) for rows in both])
        joined = [
            (
                torch.cat([_padded(layer.keys, width - 1, dim=2) for layer in layers]),
                torch.cat([_padded(layer.values, width - 1, dim=2) for layer in layers]),
            )
            for layers in zip(*(rows._cache.layers for rows in both), strict=True)
        ]
        # Memory may run out above; from here on nothing fails, so that no row is ever half in.
        for layer, (keys, values) in zip(self._cache.layers, joined, strict=True):
            layer.keys, layer.values = keys, values
        self._mask = mask
        self._unread = torch.cat([self._unread, others._unread])
        self.requests = self.requests + others.requests

    def _keep(self, rows: list[int]) -> None:
        """Drop the other rows, and the columns that only they had."""
        self.requests = [self.requests[row] for row in rows]
        self._mask = self._mask[rows]
        self._cache.batch_select_indices(torch.tensor(rows))
        if _plain(*self._cache.layers):
            padding = int(self._mask.argmax(dim=1).min())
            self._mask = self._mask[:, padding:]
            for layer in self._cache.layers:
                layer.keys, layer.values = layer.keys[:, :, padding:], layer.values[:, :, padding:]

    def _last_logits(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Read more tokens (B, T) behind those in the cache; give the logits after the last one, (B, V)."""
        positions = (mask.cumsum(dim=1) - 1).clamp(min=0)[:, -tokens.shape[1] :]
        with torch.inference_mode():
            logits: torch.Tensor = self._model(
                input_ids=tokens,
                attention_mask=mask,
                position_ids=positions,
                cache=self._cache,
                logits_to_keep=1,
            ).logits
        return logits[:, -1]


def _plain(*layers: object) -> bool:
    """Say whether columns may be put in and cut off; a sliding window counts what it has forgotten."""
    return all(type(layer) is DynamicLayer for layer in layers)


def _padded(rows: torch.Tensor, width: int, dim: int) -> torch.Tensor:
    """Rows with zeros on the left of a dimension, so that it has `width`."""
    missing = list(rows.shape)
    missing[dim] = width - missing[dim]
    return torch.cat([rows.new_zeros(missing), rows], dim=dim)


@contextlib.contextmanager
def watched(model: PreTrainedModel) -> Iterator[list[torch.Tensor]]:
    """Collect what the output layer reads in each forward pass inside the block: (B, T, D).

    Works for every causal model that has an output layer. The hook is gone between two steps of a job, so
    that jobs in turn do not see each other's.
    """
    found: list[torch.Tensor] = []
    handle = model.get_output_embeddings().register_forward_pre_hook(lambda _, read: found.append(read[0]))
    try:
        yield found
    finally:
        handle.remove()


def replay(
    model: PreTrainedModel, prompt: Sequence[int], answer: Sequence[int], sampling: Sampling
) -> Generator[None, None, Replay]:
    """Judge every token of an answer with one forward pass over prompt and answer."""
    yield
    with torch.inference_mode(), watched(model) as hidden:
        tokens = torch.tensor([[*prompt, *answer[:-1]]], device=model.device)
        logits = model(input_ids=tokens, logits_to_keep=len(answer), use_cache=False).logits[0]  # (T, V)
        judged = [
            _judged(logits[position].float(), token, sampling, position)
            for position, token in enumerate(answer)
        ]
    gaps, surprises, spreads, logprobs = zip(*judged, strict=True)
    read = hidden[0][0, -len(answer) :].float().cpu().numpy()
    return Replay(gaps, surprises, spreads, np.array(logprobs, np.float32), read)


def _judged(
    logits: torch.Tensor, token: int, sampling: Sampling, position: int
) -> tuple[float, float, float, float]:
    """Gap, surprise, spread and log-probability (see Replay) of one token."""
    noisy = noisy_logits(logits, sampling, position)
    logs = torch.log_softmax(logits / (sampling.temperature or 1.0), dim=0)
    chances = logs.exp()
    expected = float(chances @ logs)
    spread = max(0.0, float(chances @ logs.square()) - expected**2)
    logprob = float(torch.log_softmax(logits, dim=0)[token])
    return float(noisy.max() - noisy[token]), expected - float(logs[token]), spread, logprob


def example_losses(model: PreTrainedModel, examples: np.ndarray) -> Generator[None, None, np.ndarray]:
    """Mean loss of every example in nats per token.

    `examples` are token ids of shape (B, T), the result is (B,).
    """
    losses = []
    for start in range(0, len(examples), LOSS_BATCH):
        yield
        with torch.inference_mode():
            batch = torch.from_numpy(examples[start : start + LOSS_BATCH].astype(np.int64))  # (b, T)
            tokens = batch.to(model.device)
            logits = model(input_ids=tokens[:, :-1], use_cache=False).logits.float()  # (b, T-1, V)
            loss = torch.nn.functional.cross_entropy(logits.transpose(1, 2), tokens[:, 1:], reduction="none")
            losses.append(loss.mean(dim=1).double().cpu().numpy())
    return np.concatenate(losses)
