"""``python -m meritnet.cli.figures``: the page docs/metrics.md, from the registries of both roles."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from math import isinf

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.metrics import MetricWrapperBase

from meritnet.miner.admission import Admission, Policy
from meritnet.miner.health import Health
from meritnet.miner.metrics import Metrics as MinerMetrics
from meritnet.validator.metrics import Metrics as ValidatorMetrics

INTRODUCTION = """# Figures

Made by `python -m meritnet.cli.figures`; do not edit. `/metrics` has them in Prometheus' text format: a
miner's at its own port, a validator's at `--metrics-port`, both for programs of the same machine. Units are
Prometheus' base units and TAO. No label takes a value that a stranger chooses: paths are the routes that the
miner serves, and hotkeys are the neuron's own.
"""


def page() -> str:
    """The whole page."""
    return "\n".join(
        [INTRODUCTION, *_table("A miner", miner_registry()), *_table("A validator", validator_registry())]
    )


def miner_registry() -> CollectorRegistry:
    """All figures of a miner, before anything has happened."""
    metrics = MinerMetrics()
    metrics.watch("", Admission(Policy(), time.monotonic), Health(), lambda: 0)
    return metrics.registry


def validator_registry() -> CollectorRegistry:
    """All figures of a validator, before anything has happened."""
    return ValidatorMetrics().registry


def collectors(registry: CollectorRegistry) -> Iterator[MetricWrapperBase]:
    """What was registered, in order."""
    for collector in registry._collector_to_names:
        assert isinstance(collector, MetricWrapperBase)
        yield collector


def shown_name(collector: MetricWrapperBase) -> str:
    """The name under which a figure is asked for."""
    ending = {"counter": "_total", "info": "_info"}.get(str(collector._type), "")
    return f"{collector._name}{ending}"


def _table(title: str, registry: CollectorRegistry) -> Iterator[str]:
    yield f"## {title}\n\n| name | type | labels | meaning |\n|---|---|---|---|"
    for found in collectors(registry):
        labels = ", ".join(f"`{label}`" for label in (*found._labelnames, *_told(found)))
        meaning = f"{found._documentation}{_buckets(found)}"
        yield f"| `{shown_name(found)}` | {found._type} | {labels} | {meaning} |"
    yield ""


def _told(collector: MetricWrapperBase) -> list[str]:
    """The labels of a figure that is nothing but labels."""
    return list(getattr(collector, "_value", {})) if collector._type == "info" else []


def _buckets(collector: MetricWrapperBase) -> str:
    if not isinstance(collector, Histogram):
        return ""
    bounds = [f"{bound:g}" for bound in collector._kwargs["buckets"] if not isinf(bound)]
    return f"; up to {', '.join(bounds)} s"


def main() -> None:
    """Print the page."""
    sys.stdout.write(page())


if __name__ == "__main__":
    main()
