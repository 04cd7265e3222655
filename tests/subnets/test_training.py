"""Training: resumed from any step it ends with the same bytes; gradients add up; other forms learn."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from meritnet.subnets.base import Progress, ignore
from meritnet.subnets.fine_tuning.checkpoint import Checkpoint, CheckpointError, Curve
from meritnet.subnets.fine_tuning.limits import LIMITS
from meritnet.subnets.fine_tuning.training import Recipe, train
from meritnet.subnets.models import lora
from meritnet.subnets.models.engine import Engine
from meritnet.subnets.models.forms import Form

EXAMPLES = np.arange(24 * 17, dtype=np.int32).reshape(24, 17) % 97
HELD_OUT = EXAMPLES[:4] + 1
IDENTITY = {"model": "tiny", "steps": 5}
RECIPE = Recipe(steps=5, examples_per_step=2, measure_every=2, accumulate=2)


def steps_of(engine: Engine, recipe: Recipe, **named: Any) -> Any:
    return train(engine.model, EXAMPLES, "hotkey", recipe, ignore, held_out=HELD_OUT, **named)


def ended(steps: Any) -> bytes:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return bytes(end.value)


@pytest.mark.parametrize("form", [Form(), Form(2, ("k_proj", "up_proj"), dora=True)], ids=str)
def test_killed_anywhere_it_ends_with_the_same_bytes(engine: Engine, tmp_path: Path, form: Form) -> None:
    recipe = Recipe(**(vars(RECIPE) | {"form": form}))
    due_curve = Curve()
    due = ended(steps_of(engine, recipe, curve=due_curve))
    passes = sum(1 for _ in steps_of(engine, recipe))
    assert len(due_curve.losses) == 5
    assert [step for step, _ in due_curve.held_out] == [2, 4]
    for cut in range(passes + 1):
        checkpoint = Checkpoint(tmp_path / f"{cut}.safetensors", 2, IDENTITY)
        killed = steps_of(engine, recipe, checkpoint=checkpoint)
        for _ in itertools.islice(killed, cut):
            pass
        killed.close()
        curve = Curve()
        assert ended(steps_of(engine, recipe, curve=curve, checkpoint=checkpoint)) == due, cut
        assert curve == due_curve


def test_no_more_than_an_interval_is_lost(engine: Engine, tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "x.safetensors", 2, IDENTITY)
    seen: list[Progress] = []
    first = train(engine.model, EXAMPLES, "hotkey", Recipe(steps=5), seen.append, checkpoint=checkpoint)
    for _ in itertools.islice(first, 3):
        pass
    first.close()
    assert [progress.done for progress in seen] == [1, 2, 3]
    again: list[Progress] = []
    ended(train(engine.model, EXAMPLES, "hotkey", Recipe(steps=5), again.append, checkpoint=checkpoint))
    assert [progress.done for progress in again] == [3, 4, 5]


def test_a_draft_that_was_cut_off_is_not_read(engine: Engine, tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "x.safetensors", 2, IDENTITY)
    (tmp_path / "x.new").write_bytes(b"half of it")
    due = ended(steps_of(engine, RECIPE))
    assert ended(steps_of(engine, RECIPE, checkpoint=checkpoint)) == due


@pytest.mark.parametrize(
    ("identity", "words"),
    [({"model": "other", "steps": 5}, "another model was"), ({"model": "tiny", "steps": 6}, "another steps")],
)
def test_another_training_is_not_gone_on_with(
    engine: Engine, tmp_path: Path, identity: dict[str, object], words: str
) -> None:
    ended(steps_of(engine, RECIPE, checkpoint=Checkpoint(tmp_path / "x.safetensors", 2, IDENTITY)))
    with pytest.raises(CheckpointError, match=words) as caught:
        next(steps_of(engine, RECIPE, checkpoint=Checkpoint(tmp_path / "x.safetensors", 2, identity)))
    assert "--fresh" in caught.value.hint


def test_a_damaged_checkpoint_is_one_clear_line(engine: Engine, tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "x.safetensors", 2, IDENTITY)
    ended(steps_of(engine, RECIPE, checkpoint=checkpoint))
    whole = checkpoint.path.read_bytes()
    for damaged in (b"", whole[:100], whole[:-7], b"\x80\x04pickle"):
        checkpoint.path.write_bytes(damaged)
        with pytest.raises(CheckpointError, match="cannot be read") as caught:
            next(steps_of(engine, RECIPE, checkpoint=checkpoint))
        assert "\n" not in str(caught.value)


def test_a_checkpoint_of_another_form_does_not_fit(engine: Engine, tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "x.safetensors", 2, IDENTITY)
    ended(steps_of(engine, RECIPE, checkpoint=checkpoint))
    with pytest.raises(CheckpointError, match="does not fit the adapter"):
        next(steps_of(engine, Recipe(steps=5, form=Form(4)), checkpoint=checkpoint))


def test_accumulated_passes_are_one_large_one(engine: Engine) -> None:
    """Up to rounding: the mean of the gradients of parts is the gradient of the whole."""
    parts = ended(steps_of(engine, Recipe(steps=3, examples_per_step=2, accumulate=3)))
    whole = ended(steps_of(engine, Recipe(steps=3, examples_per_step=6)))
    one, other = (lora.read(data, "x", engine.model, LIMITS).tensors for data in (parts, whole))
    assert max(float((one[name] - other[name]).abs().max()) for name in one) < 1e-3


@pytest.mark.parametrize("form", [Form(2), Form(8, ("gate_proj", "o_proj")), Form(4, dora=True)], ids=str)
def test_every_form_learns(engine: Engine, form: Form) -> None:
    curve = Curve()
    ended(steps_of(engine, Recipe(steps=10, form=form, measure_every=9), curve=curve))
    assert curve.losses[-1] < curve.losses[0] - 0.1


def test_measuring_changes_nothing(engine: Engine) -> None:
    assert ended(steps_of(engine, Recipe(steps=4, measure_every=1))) == ended(
        steps_of(engine, Recipe(steps=4))
    )
