"""Every figure keeps to Prometheus' conventions, and docs/metrics.md names exactly those that there are."""

import re
from itertools import pairwise
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.parser import text_string_to_metric_families

from meritnet.cli.figures import collectors, miner_registry, page, shown_name, validator_registry
from meritnet.validator import events
from meritnet.validator.health import Health
from meritnet.validator.metrics import Metrics

PAGE = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"
ALL = [
    pytest.param(role, found, id=shown_name(found))
    for role, registry in (("miner", miner_registry()), ("validator", validator_registry()))
    for found in collectors(registry)
]

# What promtool's linter refuses: units that are no base units, types and abbreviations in names.
NO_BASE_UNITS = {"ms", "milliseconds", "us", "microseconds", "ns", "nanoseconds", "minutes", "hours", "days"}
NO_BASE_UNITS |= {"kb", "kilobytes", "mb", "megabytes", "gb", "gigabytes", "bits", "percent", "rao"}
TYPES = {"gauge", "counter", "histogram", "summary", "untyped"}
ABBREVIATIONS = {"s", "sec", "secs", "b", "cnt", "num", "avg", "pct", "req", "resp", "err"}
ENDINGS = ("_total", "_info", "_count", "_sum", "_bucket")
UNITS = ("seconds", "bytes", "ratio", "tao")
WITHOUT_UNIT = {
    "requests_waiting",
    "requests_in_progress",
    "connections",
    "ready",
    "uid",
    "block_height",
    "epoch_steps",
}
LABELS = {
    "miner": {"path", "status", "reason"},
    "validator": {"netuid", "validator", "answered", "kind"},
}


def test_the_page_is_fresh() -> None:
    assert PAGE.read_text() == page(), "python -m meritnet.cli.figures > docs/metrics.md"


@pytest.mark.parametrize("registry", [miner_registry(), validator_registry()])
def test_the_page_names_what_is_shown(registry: CollectorRegistry) -> None:
    shown = {family.name for family in text_string_to_metric_families(generate_latest(registry).decode())}
    named = {found._name for found in collectors(registry)}
    assert {name.removesuffix("_created").removesuffix("_info") for name in shown} == named
    for found in collectors(registry):
        assert f"| `{shown_name(found)}` | {found._type} |" in PAGE.read_text()


@pytest.mark.parametrize(("role", "found"), ALL)
def test_a_name_is_conventional(role: str, found: MetricWrapperBase) -> None:
    name = shown_name(found)
    assert re.fullmatch(rf"meritnet_{role}_[a-z]+(_[a-z]+)*", name)
    words = set(name.split("_"))
    assert not words & (NO_BASE_UNITS | TYPES | ABBREVIATIONS)
    assert name.endswith("_total") == (found._type == "counter")
    assert name.endswith("_info") == (found._type == "info")
    if found._type in ("gauge", "histogram"):
        assert not name.endswith(ENDINGS)
        own = name.removeprefix(f"meritnet_{role}_")
        assert own.endswith(UNITS) or own in WITHOUT_UNIT, own


@pytest.mark.parametrize(("role", "found"), ALL)
def test_a_meaning_is_a_line_and_labels_are_few(role: str, found: MetricWrapperBase) -> None:
    assert re.fullmatch(r"[A-Z0-9][^\n|]{4,80}[^.\n]", found._documentation)
    assert set(found._labelnames) <= LABELS[role]
    assert not set(found._labelnames) & {"le", "quantile", "job", "instance"}


@pytest.mark.parametrize(
    "found", [param.values[1] for param in ALL if isinstance(param.values[1], Histogram)]
)
def test_buckets_cover_what_happens_and_are_few(found: Histogram) -> None:
    bounds = list(found._kwargs["buckets"])
    assert 5 <= len(bounds) <= 15
    assert all(1 < after / before <= 5 for before, after in pairwise(bounds))
    assert 0.001 <= bounds[0] <= 0.1
    assert 60 <= bounds[-1] <= 600


def test_a_thousand_miners_add_no_series() -> None:
    def series() -> int:
        text = generate_latest(metrics.registry).decode()
        return sum(len(family.samples) for family in text_string_to_metric_families(text))

    def ask(uid: int) -> None:
        metrics.take(events.Asked(1, "v", uid, f"/{uid}", str(uid)))
        metrics.take(events.Scored(1, "v", uid, 1.0, f"why {uid}", 1.0, 0.5, {"of": uid}, str(uid)))
        metrics.take(events.Trouble(1, "v", f"ask {uid}", f"because {uid}"))

    metrics = Metrics()
    metrics.watch(1, "v", Health())
    ask(0)
    before = series()
    for uid in range(1, 1000):
        ask(uid)
    assert series() == before
