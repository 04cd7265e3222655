"""What contestants of `meritnet lab duel` offer: adapters trained well or badly, or made of another's file.

Everything is worked out on a validator's own engine and measured on the same held-out examples, once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
import safetensors.numpy

from meritnet.subnets.base import Report, ignore
from meritnet.subnets.draws import Draws
from meritnet.subnets.fine_tuning.copies import sketch
from meritnet.subnets.fine_tuning.data import Corpus, corpus_of
from meritnet.subnets.fine_tuning.training import Recipe, train
from meritnet.subnets.models import lora
from meritnet.subnets.models.engine import Engine

Tensors = Mapping[str, np.ndarray]

STRANGE_RANKS = 2
"""Of an adapter's rank, how much `hidden` gives to products that have nothing to do with it."""
FEW_EXAMPLES = 6


@dataclass(frozen=True)
class Training:
    """Steps of each trained contestant; the honest recipe's own by default."""

    honest: int = Recipe().steps
    better: int = 2 * Recipe().steps
    overfitted: int = 2 * Recipe().steps


@dataclass(frozen=True)
class Measured:
    """An adapter as a validator sees it."""

    content_id: str
    sketch: list[float]
    losses: np.ndarray
    """Of every example in the pool, in nats."""


@dataclass(frozen=True)
class Field:
    """Every adapter by name, beside the base model."""

    model: str
    base: np.ndarray
    adapters: Mapping[str, Measured]


def field(
    engine: Engine, pool: int, seed: int, training: Training | None = None, report: Report = ignore
) -> Field:
    """Train and make every contestant, and measure it on a pool of held-out examples."""
    corpus, training = corpus_of(engine), training or Training()
    size = min(pool, len(corpus.held_out))
    chosen = Draws(f"lab duel {seed}".encode(), "pool").sample(range(len(corpus.held_out)), size)
    examples = corpus.held_out[sorted(chosen)]
    base = asyncio.run(engine.losses(examples))
    made = _trained(engine, corpus, training, seed, report)
    original, other = _decoded(made["honest a"]), _decoded(made["honest b"])
    made |= {name: _encoded(make(original)) for name, make in COPIES.items()}
    made["blend of two honest ones"] = _encoded(blended(original, other))
    shapes = lora.expected_shapes(engine.model)
    made |= {"zero": _encoded(_fresh(shapes, seed, 0.0)), "noise": _encoded(_fresh(shapes, seed, 0.02))}
    measured = {}
    for name, data in made.items():
        adapter = lora.decode(data, sha256(data).hexdigest(), shapes)
        losses = asyncio.run(engine.losses(examples, adapter))
        measured[name] = Measured(adapter.content_id, sketch(adapter), losses)
    return Field(engine.name, base, measured)


def _trained(
    engine: Engine, corpus: Corpus, training: Training, seed: int, report: Report
) -> dict[str, bytes]:
    """Adapters that were trained, each by a hotkey of its own."""
    few = corpus.train[:FEW_EXAMPLES]
    wanted = {
        "honest a": (corpus.train, training.honest),
        "honest b": (corpus.train, training.honest),
        "honest c": (corpus.train, training.honest),
        "one step": (corpus.train, 1),
        "better": (corpus.train, training.better),
        "overfitted": (few, training.overfitted),
        "trained on held-out text": (corpus.held_out, training.honest),
    }
    return {
        name: asyncio.run(
            engine.run(train(engine.model, examples, f"{name} {seed}", Recipe(steps=steps), report))
        )
        for name, (examples, steps) in wanted.items()
    }


# What can be made of a file that somebody else trained


def scaled(tensors: Tensors, factor: float) -> Tensors:
    """The products B·A, so much larger."""
    return {name: part * np.float32(factor if ".lora_B." in name else 1) for name, part in tensors.items()}


def noised(tensors: Tensors, size: float, seed: int = 0) -> Tensors:
    """Every matrix with noise of that part of its own size."""
    random = np.random.default_rng(seed)
    return {
        name: (part + size * part.std() * random.standard_normal(part.shape)).astype(np.float32)
        for name, part in sorted(tensors.items())
    }


def hidden(tensors: Tensors, size: float, seed: int = 0) -> Tensors:
    """The best of each product, and in the ranks left over random products of so much of its size."""
    random = np.random.default_rng(seed)
    made = {}
    for name in sorted(name for name in tensors if ".lora_A." in name):
        up_name = name.replace(".lora_A.", ".lora_B.")
        down, up = tensors[name].astype(float), tensors[up_name].astype(float)  # (r, in), (out, r)
        left, weights, right = np.linalg.svd(up @ down, full_matrices=False)
        kept = len(down) - STRANGE_RANKS
        strange_up = random.standard_normal((len(up), STRANGE_RANKS))
        strange_down = random.standard_normal((STRANGE_RANKS, down.shape[1]))
        length = np.linalg.norm(strange_up @ strange_down)
        strange_up *= size * np.linalg.norm(weights[:kept]) / length
        root = np.sqrt(weights[:kept])
        made[name] = np.concatenate([root[:, None] * right[:kept], strange_down]).astype(np.float32)
        made[up_name] = np.concatenate([left[:, :kept] * root, strange_up], axis=1).astype(np.float32)
    return made


def blended(one: Tensors, other: Tensors) -> Tensors:
    """Half of each of two adapters: the largest ranks of the mean of their products."""
    made = {}
    for name in sorted(name for name in one if ".lora_A." in name):
        up_name = name.replace(".lora_A.", ".lora_B.")
        products = (part[up_name].astype(float) @ part[name].astype(float) for part in (one, other))
        left, weights, right = np.linalg.svd(sum(products) / 2, full_matrices=False)
        rank = len(one[name])
        root = np.sqrt(weights[:rank])
        made[name] = (root[:, None] * right[:rank]).astype(np.float32)
        made[up_name] = (left[:, :rank] * root).astype(np.float32)
    return made


COPIES: Mapping[str, Callable[[Tensors], Tensors]] = {
    "copy": lambda original: original,
    "copy, scaled by 0.9": lambda original: scaled(original, 0.9),
    "copy, noise 0.3": lambda original: noised(original, 0.3),
    "copy, noise 0.5": lambda original: noised(original, 0.5),
    "copy, noise 0.7": lambda original: noised(original, 0.7),
    "copy, noise 1": lambda original: noised(original, 1.0),
    "copy, noise 1.5": lambda original: noised(original, 1.5),
    "copy, noise 2": lambda original: noised(original, 2.0),
    "copy, noise 3": lambda original: noised(original, 3.0),
    "copy, hidden": lambda original: hidden(original, 1.0),
}
"""Copies of an honest miner's adapter, by what was done to it."""


def _fresh(shapes: lora.Shapes, seed: int, size: float) -> Tensors:
    """An adapter that nobody trained; of size 0 it changes nothing."""
    random = np.random.default_rng(seed)
    return {
        name: (random.standard_normal(shape) * (size if ".lora_B." in name else 1)).astype(np.float32)
        for name, shape in sorted(shapes.items())
    }


def _decoded(data: bytes) -> Tensors:
    found: Tensors = safetensors.numpy.load(data)
    return found


def _encoded(tensors: Tensors) -> bytes:
    parts = {name: np.ascontiguousarray(tensors[name], dtype=np.float32) for name in sorted(tensors)}
    return bytes(safetensors.numpy.save(parts))
