"""The training loop, top to bottom: LoRA on the subnet's text, for a bounded number of steps.

Left out of the textbook: evaluation during training, checkpoints, dropout, weight decay. Every miner walks
the text in its own order, so no two honest adapters are equal.
"""

from collections.abc import Generator
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
import torch
from transformers import PreTrainedModel

from meritnet.subnets.base import Progress, Report
from meritnet.subnets.models import lora


@dataclass(frozen=True)
class Recipe:
    """How much to train, and how fast. The defaults gain 0.33 to 0.35 nats (docs/log.md)."""

    steps: int = 16
    examples_per_step: int = 3
    learning_rate: float = 5e-3
    warmup_steps: int = 2
    max_gradient_norm: float = 1.0


def train(
    model: PreTrainedModel, examples: np.ndarray, hotkey: str, recipe: Recipe, report: Report
) -> Generator[None, None, bytes]:
    """Train an adapter and give it as safetensors; yields after every step, so that others get the engine.

    `examples` are token ids of shape (N, T), at least `steps * examples_per_step` of them are worth having.
    """
    # One seed for everything random: the adapter's first values and the order of the text.
    seed = int.from_bytes(sha256(hotkey.encode()).digest()[:8], "little") >> 1
    order = np.random.default_rng(seed).permutation(len(examples))

    # Base weights are shared and frozen; only the adapter's matrices (0.35 % of SmolLM2) learn.
    adapted = lora.attach(model, seed).train()
    weights = [weight for weight in adapted.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=recipe.learning_rate, weight_decay=0.0)

    for step in range(recipe.steps):
        # The rate climbs for a step or two, then falls in a line: the last steps only tidy up.
        rise, fall = min(1.0, (step + 1) / recipe.warmup_steps), (recipe.steps - step) / recipe.steps
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * rise * fall

        places = np.arange(step * recipe.examples_per_step, (step + 1) * recipe.examples_per_step)
        batch = examples[order[places % len(order)]].astype(np.int64)
        tokens = torch.from_numpy(batch).to(model.device)  # (B, T)
        logits = adapted(input_ids=tokens[:, :-1], use_cache=False).logits.float()  # (B, T-1, V)
        loss = torch.nn.functional.cross_entropy(logits.transpose(1, 2), tokens[:, 1:])
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(weights, recipe.max_gradient_norm)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        report(Progress("train the adapter", step + 1, recipe.steps, "steps", f"loss {loss.item():.3f}"))
        yield
    return lora.encode(adapted)
