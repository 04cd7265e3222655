"""Where an exception came from, without its words: they may repeat what somebody sent in confidence."""

from __future__ import annotations

import traceback

MOST_CAUSES = 8


def stack(error: BaseException) -> str:
    """The frames and types of an exception and its causes, the first cause first, as Python prints them."""
    parts: list[str] = []
    found: BaseException | None = error
    while found is not None and len(parts) < MOST_CAUSES:
        frames = "".join(traceback.format_tb(found.__traceback__))
        parts.append(f"{frames}{type(found).__qualname__}")
        found = found.__cause__ or (None if found.__suppress_context__ else found.__context__)
    return "\n\n".join(reversed(parts))
