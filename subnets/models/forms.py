"""The form of an adapter: its rank, the layers that it changes, LoRA or DoRA; and what a subnet admits.

A file shows its form by the names and shapes in its header, so nobody need believe what is said about it.
Importing this loads no torch.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from meritnet.chain.errors import MeritnetError

Shapes = Mapping[str, Sequence[int]]

_TENSOR = re.compile(r".*\.(\w+)\.(lora_A\.weight|lora_B\.weight|lora_magnitude_vector)")


class AdapterError(MeritnetError):
    """A file is not an adapter of the declared model; the message says what is wrong first."""


@dataclass(frozen=True)
class Form:
    """What an adapter consists of."""

    rank: int = 8
    targets: tuple[str, ...] = ("q_proj", "v_proj")
    """Names of the linear layers that are changed, in every block."""
    dora: bool = False
    """Whether each row of a changed matrix has a magnitude of its own (weight-decomposed, DoRA)."""


@dataclass(frozen=True)
class Limits:
    """Which forms are admitted."""

    max_rank: int
    targets: tuple[str, ...]
    dora: bool

    def check(self, form: Form) -> None:
        """Raise AdapterError for a form that is not admitted."""
        if not 1 <= form.rank <= self.max_rank:
            raise AdapterError(f"an adapter's rank is 1 to {self.max_rank}, this one's {form.rank}")
        strange = [name for name in form.targets if name not in self.targets]
        if strange or not form.targets:
            named = strange[0][:80] if strange else "nothing"
            raise AdapterError(f"an adapter may change {', '.join(self.targets)}, this one changes {named}")
        if form.dora and not self.dora:
            raise AdapterError("magnitudes (DoRA) are not admitted")


def form_of(shapes: Shapes) -> Form:
    """Read the form off names and shapes, which may be anything. Raises AdapterError.

    Whether they are all that the form demands, of one model, is for others to check.
    """
    targets, ranks, dora = set(), set(), False
    for name, shape in shapes.items():
        found = _TENSOR.fullmatch(name)
        if found is None:
            raise AdapterError(f"tensor {name[:80]!r} belongs to no adapter")
        targets.add(found[1])
        dora = dora or found[2] == "lora_magnitude_vector"
        if found[2] == "lora_A.weight":
            ranks.add(shape[0] if len(shape) == 2 else 0)
    if len(ranks) != 1:
        raise AdapterError(f"an adapter has one rank, this one has {len(ranks)}")
    return Form(ranks.pop(), tuple(sorted(targets)), dora)
