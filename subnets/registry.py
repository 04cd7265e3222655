"""Which kinds of subnet exist: the ones in this package, and third parties' by entry point.

A third party's package declares, in its own ``pyproject.toml``::

    [project.entry-points."meritnet.subnets"]
    my_kind = "my_package:subnet"

where ``subnet`` is an object with the attributes of `meritnet.subnets.base.Subnet`.
"""

from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

from meritnet.chain.errors import UsageError
from meritnet.subnets.base import Subnet

GROUP = "meritnet.subnets"
BUILT_IN = {
    "text_generation": "meritnet.subnets.text_generation",
    "fine_tuning": "meritnet.subnets.fine_tuning",
}


def _third_party() -> dict[str, EntryPoint]:
    """Entry points by kind; a built-in name cannot be taken over."""
    return {point.name: point for point in entry_points(group=GROUP) if point.name not in BUILT_IN}


def kinds() -> list[str]:
    """Names of all kinds that can be run here, built-in ones first."""
    return [*BUILT_IN, *sorted(_third_party())]


def subnet(kind: str) -> Subnet:
    """Load a kind. Raises UsageError, listing the known kinds, for any other name."""
    if kind in BUILT_IN:
        loaded: Subnet = import_module(BUILT_IN[kind]).subnet
        return loaded
    point = _third_party().get(kind)
    if point is None:
        raise UsageError(f"unknown subnet kind {kind!r}", hint=f"known kinds: {', '.join(kinds())}")
    loaded = point.load()
    return loaded
