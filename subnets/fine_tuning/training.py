"""The training loop, top to bottom: an adapter on the subnet's text, for a bounded number of steps.

Left out of the textbook: dropout, weight decay, early stopping. Every miner walks the text in its own order,
so no two honest adapters are equal.
"""

from collections.abc import Generator
from dataclasses import dataclass, field
from hashlib import sha256

import numpy as np
import torch
from transformers import PreTrainedModel

from meritnet.subnets.base import Progress, Report
from meritnet.subnets.fine_tuning.checkpoint import Checkpoint, Curve
from meritnet.subnets.models import lora
from meritnet.subnets.models.decoding import example_losses
from meritnet.subnets.models.forms import Form


@dataclass(frozen=True)
class Recipe:
    """How much to train, and how fast. The defaults gain 0.33 to 0.35 nats (docs/log.md)."""

    steps: int = 16
    examples_per_step: int = 3
    """Read at once; with `accumulate`, so many times before the weights move."""
    learning_rate: float = 5e-3
    warmup_steps: int = 2
    max_gradient_norm: float = 1.0
    accumulate: int = 1
    form: Form = field(default_factory=Form)
    measure_every: int = 0
    """Steps after which the loss on held-out text is measured; 0 never."""


def train(
    model: PreTrainedModel,
    examples: np.ndarray,
    hotkey: str,
    recipe: Recipe,
    report: Report,
    *,
    held_out: np.ndarray | None = None,
    curve: Curve | None = None,
    checkpoint: Checkpoint | None = None,
) -> Generator[None, None, bytes]:
    """Train an adapter and give it as safetensors; yields after every pass, so that others get the engine.

    `examples` are token ids of shape (N, T); `steps * accumulate * examples_per_step` of them are worth
    having. Losses go to `curve`. With a checkpoint, it goes on where the same training was interrupted.
    """
    # One seed for everything random: the adapter's first values and the order of the text.
    seed = int.from_bytes(sha256(hotkey.encode()).digest()[:8], "little") >> 1
    order = np.random.default_rng(seed).permutation(len(examples))

    # Base weights are shared and frozen; only the adapter's matrices (0.35 % of SmolLM2) learn.
    adapted = lora.attach(model, seed, recipe.form).train()
    weights = [weight for weight in adapted.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=recipe.learning_rate, weight_decay=0.0)
    curve = curve or Curve()
    done = checkpoint.resume(adapted, optimizer, curve) if checkpoint else 0

    for step in range(done, recipe.steps):
        # The rate climbs for a step or two, then falls in a line: the last steps only tidy up.
        rise, fall = min(1.0, (step + 1) / recipe.warmup_steps), (recipe.steps - step) / recipe.steps
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * rise * fall

        losses = []
        for part in range(step * recipe.accumulate, (step + 1) * recipe.accumulate):
            places = np.arange(part * recipe.examples_per_step, (part + 1) * recipe.examples_per_step)
            batch = examples[order[places % len(order)]].astype(np.int64)
            tokens = torch.from_numpy(batch).to(model.device)  # (B, T)
            logits = adapted(input_ids=tokens[:, :-1], use_cache=False).logits.float()  # (B, T-1, V)
            loss = torch.nn.functional.cross_entropy(logits.transpose(1, 2), tokens[:, 1:])
            (loss / recipe.accumulate).backward()  # type: ignore[no-untyped-call]
            losses.append(loss.item())
            if part + 1 < (step + 1) * recipe.accumulate:
                yield
        torch.nn.utils.clip_grad_norm_(weights, recipe.max_gradient_norm)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        curve.losses.append(sum(losses) / len(losses))
        note = f"loss {curve.losses[-1]:.3f}"

        if held_out is not None and recipe.measure_every and (step + 1) % recipe.measure_every == 0:
            measured = yield from example_losses(adapted.eval(), held_out)
            adapted.train()
            curve.held_out.append((step + 1, float(measured.mean())))
            note += f", held out {curve.held_out[-1][1]:.3f}"
        if checkpoint and (step + 1) % checkpoint.every_steps == 0:
            checkpoint.save(step + 1, adapted, optimizer, curve)
        report(Progress("train the adapter", step + 1, recipe.steps, "steps", note))
        yield
    return lora.encode(adapted)
