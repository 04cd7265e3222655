"""How a running miner stands, from its own pages: ``/health``, ``/ready`` and ``/metrics``.

The figures are open to programs on the miner's machine only.
"""

from __future__ import annotations

import http.client
import json
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, build_opener

from prometheus_client.parser import text_string_to_metric_families

from meritnet.chain.errors import MeritnetError, UsageError
from meritnet.miner.metrics import PREFIX

DEFAULT_URL = "http://127.0.0.1:8091"
TIMEOUT_S = 5.0
MAX_PAGE_BYTES = 1 << 20
_HINT = "give the address at which it listens by --url, on the same machine"


@dataclass(frozen=True)
class PathFigures:
    """What came to one path since the miner began to serve."""

    path: str
    requests: int
    refused: int
    mean_s: float


@dataclass(frozen=True)
class Status:
    """A miner at one moment; what the chain says is ``None`` until it has been seen."""

    hotkey: str
    version: str
    ready: bool
    missing: list[str]
    uptime_s: float
    uid: int | None
    block: int | None
    incentive: float | None
    stake_tao: float | None
    epoch_emission_tao: float | None
    chain_age_s: float | None
    connections: int
    in_progress: int
    waiting: int
    paths: list[PathFigures]
    refusals: Mapping[str, int]
    """By reason."""


def read_status(url: str = DEFAULT_URL) -> Status:
    """Asks the miner at ``url``. Raises ``UsageError`` for no URL, ``MeritnetError`` when none answers."""
    if not url.startswith(("http://", "https://")):
        raise UsageError(f"{url!r} is no URL of a miner", f"write it like {DEFAULT_URL}")
    try:
        ready = json.loads(_page(url, "/ready"))
        figures = _figures(_page(url, "/metrics").decode())
        return _status(ready["missing"], figures)
    except (ValueError, KeyError, TypeError):
        raise MeritnetError(f"what answers at {url} is no miner", _HINT) from None


class _Figures:
    """Samples by name without the prefix, each with its labels."""

    def __init__(self) -> None:
        self.samples: dict[str, list[tuple[Mapping[str, str], float]]] = defaultdict(list)

    def number(self, name: str) -> float | None:
        """The only sample of a name; ``None`` for "not a number"."""
        ((_, value),) = self.samples[name]
        return None if isnan(value) else value

    def whole(self, name: str) -> int | None:
        value = self.number(name)
        return None if value is None else int(value)

    def by(self, name: str, label: str) -> dict[str, float]:
        """Sums by the value of a label."""
        sums: dict[str, float] = defaultdict(float)
        for labels, value in self.samples[name]:
            sums[labels[label]] += value
        return sums


def _figures(text: str) -> _Figures:
    found = _Figures()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name.startswith(PREFIX):
                found.samples[sample.name.removeprefix(PREFIX)].append((sample.labels, sample.value))
    return found


def _status(missing: list[str], figures: _Figures) -> Status:
    ((about, _),) = figures.samples["build_info"]
    return Status(
        hotkey=about["hotkey"],
        version=about["version"],
        ready=not missing,
        missing=missing,
        uptime_s=time.time() - (figures.number("start_time_seconds") or 0.0),
        uid=figures.whole("uid"),
        block=figures.whole("block_height"),
        incentive=figures.number("incentive_ratio"),
        stake_tao=figures.number("stake_tao"),
        epoch_emission_tao=figures.number("epoch_emission_tao"),
        chain_age_s=figures.number("chain_age_seconds"),
        connections=figures.whole("connections") or 0,
        in_progress=figures.whole("requests_in_progress") or 0,
        waiting=figures.whole("requests_waiting") or 0,
        paths=_paths(figures),
        refusals={reason: int(count) for reason, count in figures.by("refusals_total", "reason").items()},
    )


def _paths(figures: _Figures) -> list[PathFigures]:
    seconds = figures.by("request_duration_seconds_sum", "path")
    refused: dict[str, float] = defaultdict(float)
    for labels, value in figures.samples["requests_total"]:
        refused[labels["path"]] += value * (labels["status"] >= "400")
    return [
        PathFigures(path, int(count), int(refused[path]), seconds[path] / count)
        for path, count in sorted(figures.by("requests_total", "path").items())
    ]


def _page(url: str, path: str) -> bytes:
    """One page; a 503 is a page too. Raises ``MeritnetError``."""
    opener = build_opener(ProxyHandler({}))  # the machine's own address, whatever proxy it has
    try:
        with opener.open(url.rstrip("/") + path, timeout=TIMEOUT_S) as reply:
            return bytes(reply.read(MAX_PAGE_BYTES))
    except HTTPError as error:
        with error:
            if error.code == 503:
                return error.read(MAX_PAGE_BYTES)
            raise MeritnetError(f"{url}{path} answers with {error.code}", _HINT) from None
    except (URLError, OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise MeritnetError(f"no miner answers at {url}: {reason}", _HINT) from None
