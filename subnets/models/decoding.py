"""Work on a model, step by step: decode, replay, measure losses. Plain functions; no threads, no clock.

Generators yield wherever they may be interrupted; see `meritnet.subnets.models.worker`.
Letters in shapes: B requests or examples, T tokens, V vocabulary.
"""

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np
import torch
from transformers import DynamicCache, PreTrainedModel

from meritnet.subnets.models.sampling import Sampling, noisy_logits

PREFILL_TOKENS = 256
"""A prompt is read in pieces of this length, half a second each, so that a long one holds up nobody."""
LOSS_BATCH = 4
"""Examples per forward pass; bounds the memory of the logits (4 x 128 x 49,152 floats = 100 MB)."""


@dataclass(eq=False)
class Request:
    """An answer in the making."""

    prompt: Sequence[int]
    sampling: Sampling
    emit: Callable[[int], None]
    """Called with every token as it is drawn."""
    far_ahead: Callable[[], bool] = lambda: False
    """Whether the reader is so far behind that drawing should rest."""
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
    """What one prefill says about an answer."""

    gaps: tuple[float, ...]
    """Per token: the best noisy logit less the answer's; 0 where the declared model draws the same token."""

    def matching(self, tolerance: float) -> int:
        """Count the tokens that the declared model would have drawn, up to rounding noise."""
        return sum(gap <= tolerance for gap in self.gaps)


def decode(
    model: PreTrainedModel, requests: list[Request], end_tokens: frozenset[int]
) -> Generator[None, None, None]:
    """Draw the answers of several requests in one batch, a token each per step; answers go to the futures.

    Prompts are padded on the left; a finished request leaves the batch.
    """
    pad = min(end_tokens)  # any token will do, it is masked
    texts = [[*request.prompt, *request.tokens] for request in requests]
    width = max(map(len, texts))
    tokens = torch.tensor([[pad] * (width - len(text)) + text for text in texts])  # (B, T)
    mask = torch.tensor([[0] * (width - len(text)) + [1] * len(text) for text in texts])  # (B, T)
    cache = DynamicCache(config=model.config)
    for end in range(PREFILL_TOKENS, width, PREFILL_TOKENS):
        _last_logits(model, tokens[:, :PREFILL_TOKENS], mask[:, :end], cache)
        tokens = tokens[:, PREFILL_TOKENS:]
        yield
    while True:
        logits = _last_logits(model, tokens, mask, cache)
        drawn = [
            int(noisy_logits(row, request.sampling, len(request.tokens)).argmax())
            for row, request in zip(logits, requests, strict=True)
        ]
        going_on = [row for row, r in enumerate(requests) if r.take(drawn[row], end_tokens)]
        if not going_on:
            return
        if len(going_on) < len(requests):
            requests = [requests[row] for row in going_on]
            mask = mask[going_on]
            cache.batch_select_indices(torch.tensor(going_on))
        tokens = torch.tensor([[drawn[row]] for row in going_on])
        mask = torch.cat([mask, mask.new_ones(len(going_on), 1)], dim=1)
        yield


def _last_logits(
    model: PreTrainedModel, tokens: torch.Tensor, mask: torch.Tensor, cache: DynamicCache
) -> torch.Tensor:
    """Read more tokens (B, T) behind those in the cache; give the logits after the last one, (B, V)."""
    positions = (mask.cumsum(dim=1) - 1).clamp(min=0)[:, -tokens.shape[1] :]
    with torch.inference_mode():
        logits: torch.Tensor = model(
            input_ids=tokens,
            attention_mask=mask,
            position_ids=positions,
            cache=cache,
            logits_to_keep=1,
        ).logits
    return logits[:, -1]


def replay(
    model: PreTrainedModel, prompt: Sequence[int], answer: Sequence[int], sampling: Sampling
) -> Generator[None, None, Replay]:
    """Judge every token of an answer with one forward pass over prompt and answer."""
    yield
    with torch.inference_mode():
        tokens = torch.tensor([[*prompt, *answer[:-1]]])
        logits = model(input_ids=tokens, logits_to_keep=len(answer), use_cache=False).logits[0]  # (T, V)
        gaps = []
        for position, token in enumerate(answer):
            noisy = noisy_logits(logits[position], sampling, position)
            gaps.append(float(noisy.max() - noisy[token]))
    return Replay(tuple(gaps))


def example_losses(model: PreTrainedModel, examples: np.ndarray) -> Generator[None, None, np.ndarray]:
    """Mean loss of every example in nats per token.

    `examples` are token ids of shape (B, T), the result is (B,).
    """
    losses = []
    for start in range(0, len(examples), LOSS_BATCH):
        yield
        with torch.inference_mode():
            tokens = torch.from_numpy(examples[start : start + LOSS_BATCH].astype(np.int64))  # (b, T)
            logits = model(input_ids=tokens[:, :-1], use_cache=False).logits  # (b, T-1, V)
            loss = torch.nn.functional.cross_entropy(logits.transpose(1, 2), tokens[:, 1:], reduction="none")
            losses.append(loss.mean(dim=1).double().numpy())
    return np.concatenate(losses)
