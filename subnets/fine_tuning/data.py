"""The text of this subnet: Python's own documentation, which every CPython carries (`pydoc_data.topics`).

The topics (``assert``, ``slicings``, …) are split by the hash of their names: a quarter is held out, the
others are for training. Validators measure on held-out examples drawn by the step's seed. Honest miners never
train on them; nothing can stop a dishonest one, since the text is public (see README.md).
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pydoc_data.topics import topics
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

if TYPE_CHECKING:
    from meritnet.subnets.models.engine import Engine

EXAMPLE_TOKENS = 64
HELD_OUT_ONE_IN = 4
SHINGLE_WORDS = 5
NEAR_COPY = 0.5
"""From this part of common shingles on, a held-out paragraph is one of training (docs/log.md)."""


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


def split(texts: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Split topics into texts for training and texts held out.

    Topics quote each other at length (``compound`` holds all of ``if``), so every paragraph is used once, and
    one that occurs in a held-out topic is held out wherever it occurs. A held-out paragraph that nearly
    occurs in training is dropped.
    """
    used: set[str] = set()
    sides: dict[bool, list[str]] = {True: [], False: []}
    for held_out in (True, False):
        for topic in sorted(topic for topic in texts if is_held_out(topic) is held_out):
            fresh = [paragraph for paragraph in texts[topic].split("\n\n") if paragraph not in used]
            used.update(fresh)
            sides[held_out].append("\n\n".join(fresh))
    return sides[False], without_near_copies(sides[True], sides[False])


def without_near_copies(held_out: Iterable[str], train: Iterable[str]) -> list[str]:
    """Texts without the paragraphs of whose shingles NEAR_COPY or more occur in a training text.

    A paragraph of fewer than SHINGLE_WORDS words has no shingle and stays.
    """
    seen = {shingle for text in train for paragraph in text.split("\n\n") for shingle in shingles(paragraph)}
    kept = []
    for text in held_out:
        own = [(paragraph, shingles(paragraph)) for paragraph in text.split("\n\n")]
        fresh = [one for one, found in own if not found or len(found & seen) < NEAR_COPY * len(found)]
        kept.append("\n\n".join(fresh))
    return kept


def shingles(paragraph: str) -> set[tuple[str, ...]]:
    """Every run of SHINGLE_WORDS words, case and punctuation left out."""
    words = re.findall(r"\w+", paragraph.lower())
    return {tuple(words[at : at + SHINGLE_WORDS]) for at in range(len(words) - SHINGLE_WORDS + 1)}


def load_corpus(encode: Callable[[str], list[int]]) -> Corpus:
    """Cut every text into examples with the model's own tokenizer; the rest of a text is dropped."""
    train, held_out = (np.array(list(_examples(texts, encode)), dtype=np.int32) for texts in split(topics))
    return Corpus(train, held_out)


def _examples(texts: list[str], encode: Callable[[str], list[int]]) -> Iterator[list[int]]:
    for text in texts:
        tokens = encode(text)
        for start in range(0, len(tokens) - EXAMPLE_TOKENS + 1, EXAMPLE_TOKENS):
            yield tokens[start : start + EXAMPLE_TOKENS]
