"""Where an interrupted training goes on: one safetensors file, replaced whole, never pickled.

It holds the adapter, the optimizer's moments and count, and, as JSON in its header, the losses so far and
what the training was: a file of another training is refused. The order of the text follows from the hotkey,
the rate from the step, and nothing else is random, so a resumed training ends with the same bits.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open

from meritnet.chain.errors import MeritnetError

MAX_CHECKPOINT_BYTES = 2**32
MOMENTS = ("exp_avg", "exp_avg_sq", "step")
_NAME = "training"


class CheckpointError(MeritnetError):
    """A checkpoint is of another training, or damaged; the message says which."""


@dataclass
class Curve:
    """What a training has shown so far, in nats a token."""

    losses: list[float] = field(default_factory=list)
    """Of the text that each step trained on."""
    held_out: list[tuple[int, float]] = field(default_factory=list)
    """Steps done, and the loss on held-out text then."""


@dataclass(frozen=True)
class Checkpoint:
    """A file that a training writes every so many steps, and reads when it begins."""

    path: Path
    every_steps: int
    identity: Mapping[str, object]
    """What must be the same for a training to go on: model, text, recipe, hotkey. JSON values."""

    def resume(self, adapted: torch.nn.Module, optimizer: torch.optim.Optimizer, curve: Curve) -> int:
        """Put everything back as it was; give the steps done, 0 without a file. Raises CheckpointError."""
        if not self.path.is_file():
            return 0
        told, tensors = self._read()
        weights = _weights(adapted)
        expected = {f"{part}:{name}" for name in weights for part in ("weight", *MOMENTS)}
        if tensors.keys() != expected or any(
            tensors[f"weight:{name}"].shape != weight.shape for name, weight in weights.items()
        ):
            raise CheckpointError(f"{self.path} does not fit the adapter", "begin anew with --fresh")
        with torch.no_grad():
            for name, weight in weights.items():
                weight.copy_(tensors[f"weight:{name}"])
                optimizer.state[weight] = {
                    part: tensors[f"{part}:{name}"].to("cpu" if part == "step" else weight.device)
                    for part in MOMENTS
                }
        curve.losses[:] = told["losses"]
        curve.held_out[:] = [(step, loss) for step, loss in told["held_out"]]
        return int(told["step"])

    def save(
        self, step: int, adapted: torch.nn.Module, optimizer: torch.optim.Optimizer, curve: Curve
    ) -> None:
        """Replace the file by one of this step; whoever is killed meanwhile finds the one before."""
        tensors = {}
        for name, weight in _weights(adapted).items():
            tensors[f"weight:{name}"] = weight.detach().cpu().contiguous()
            tensors |= {
                f"{part}:{name}": optimizer.state[weight][part].cpu().contiguous() for part in MOMENTS
            }
        told = {
            "identity": dict(self.identity),
            "step": step,
            "losses": curve.losses,
            "held_out": curve.held_out,
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_suffix(".new")
        with draft.open("wb") as file:
            file.write(safetensors.torch.save(tensors, metadata={_NAME: json.dumps(told)}))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.path)

    def _read(self) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
        try:
            if self.path.stat().st_size > MAX_CHECKPOINT_BYTES:
                raise ValueError("it is too large")
            with safe_open(self.path, framework="pt") as opened:
                told = json.loads((opened.metadata() or {})[_NAME])
                identity, _ = told["identity"], [told[key] for key in ("step", "losses", "held_out")]
                tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
            raise CheckpointError(f"{self.path} cannot be read: {error}", "begin anew with --fresh") from None
        changed = [key for key, value in self.identity.items() if identity.get(key) != value]
        if changed:
            raise CheckpointError(
                f"a training with another {changed[0].replace('_', ' ')} was interrupted after "
                f"{told['step']} steps",
                "repeat its options to finish it, or begin anew with --fresh",
            )
        return told, tensors


def _weights(adapted: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: weight for name, weight in adapted.named_parameters() if weight.requires_grad}
