"""What a role remembers of earlier steps, told to it by their bundles: at a start, live, and in an audit."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from meritnet.subnets.base import Remembers, ValidatorRole
from meritnet.validator.archive import Archive
from meritnet.validator.bundle import Entry, InvalidBundle


def took_in(role: ValidatorRole, entries: Iterable[Entry]) -> None:
    """Tells a role of a step that counted."""
    if isinstance(role, Remembers):
        role.recall([(entry.receipt.task, entry.receipt.evidence) for entry in entries])


def recalled(role: ValidatorRole, archive: Archive, head: str) -> bool:
    """Tells a fresh role of the steps up to ``head``, and says whether all were at hand that it needs.

    Raises ``InvalidBundle`` for files that are none, or that hold figures that no judge gives.
    """
    if not isinstance(role, Remembers):
        return True
    steps = [step for _, step in islice(archive.back(head), role.recalled_steps)]
    for step in reversed(steps):
        try:
            took_in(role, step.entries)
        except ValueError as error:
            raise InvalidBundle(
                f"the step at block {step.block.number} says other things than such steps do: {error}"
            ) from None
    oldest = steps[-1].previous if steps else head
    return not oldest or len(steps) == role.recalled_steps
