"""Whether values read from a stranger's file are of the types that a dataclass declares."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints


def fits(value: object, hint: Any) -> bool:
    """Whether a value is of a type as annotations say it: plain types, unions, tuples, mappings, dataclasses.

    A bool is no number; an int is a float; what a mapping holds is left open.
    """
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return True
    if origin in (Union, types.UnionType):
        return any(fits(value, one) for one in arguments)
    if origin is Literal:
        return value in arguments
    if origin is tuple:
        return isinstance(value, tuple) and _parts_fit(value, arguments)
    if origin is not None:
        return isinstance(value, Mapping)
    if isinstance(hint, type) and is_dataclass(hint):
        return isinstance(value, hint) and all(
            fits(getattr(value, name), inner) for name, inner in _fields(hint)
        )
    if hint in (int, float):
        return isinstance(value, hint | int) and not isinstance(value, bool)
    return isinstance(value, hint)


def _parts_fit(value: tuple[Any, ...], arguments: tuple[Any, ...]) -> bool:
    if arguments[-1:] == (Ellipsis,):
        return all(fits(part, arguments[0]) for part in value)
    return len(value) == len(arguments) and all(map(fits, value, arguments))


@cache
def _fields(hint: Any) -> tuple[tuple[str, Any], ...]:
    hints = get_type_hints(hint)
    return tuple((one.name, hints[one.name]) for one in fields(hint))
