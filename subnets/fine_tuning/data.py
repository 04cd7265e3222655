"""The text of this subnet: Python's own documentation, which every CPython carries (`pydoc_data.topics`).

The topics (``assert``, ``slicings``, …) are split by the hash of their names: four fifths are for training,
one fifth is held out. Validators measure on held-out examples drawn by the step's seed. Honest miners never
train on them; nothing can stop a dishonest one, since the text is public (see README.md).
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pydoc_data.topics import topics
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

if TYPE_CHECKING:
    from meritnet.subnets.models.engine import Engine

EXAMPLE_TOKENS = 96
HELD_OUT_ONE_IN = 5


@dataclass(frozen=True)
class Corpus:
    """Examples of EXAMPLE_TOKENS token ids each; both arrays have the shape (N, EXAMPLE_TOKENS)."""

    train: np.ndarray
    held_out: np.ndarray


_CORPORA: "WeakKeyDictionary[Engine, Corpus]" = WeakKeyDictionary()


def corpus_of(engine: "Engine") -> Corpus:
    """The corpus in the tokens of an engine; tokenised once, a second of work."""
    if engine not in _CORPORA:
        _CORPORA[engine] = load_corpus(engine.encode)
    return _CORPORA[engine]


def is_held_out(topic: str) -> bool:
    """Say on which side of the split a topic lies."""
    return sha256(topic.encode()).digest()[0] % HELD_OUT_ONE_IN == 0


def load_corpus(encode: Callable[[str], list[int]]) -> Corpus:
    """Cut every topic into examples with the model's own tokenizer; the rest of a topic is dropped."""
    sides: dict[bool, list[list[int]]] = {True: [], False: []}
    for topic, text in sorted(topics.items()):
        tokens = encode(text)
        starts = range(0, len(tokens) - EXAMPLE_TOKENS + 1, EXAMPLE_TOKENS)
        sides[is_held_out(topic)].extend(tokens[start : start + EXAMPLE_TOKENS] for start in starts)
    return Corpus(np.array(sides[False], dtype=np.int32), np.array(sides[True], dtype=np.int32))
