"""What `meritnet validator audit` and `why` show."""

from __future__ import annotations

import tempfile
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from meritnet.chain.errors import UsageError
from meritnet.cli.render import emit, excerpt, facts, plain, table

if TYPE_CHECKING:
    from meritnet.chain.client import Chain
    from meritnet.subnets.base import EngineSource, ValidatorRole
    from meritnet.subnets.receipts import Receipt
    from meritnet.validator.audit import Finding
    from meritnet.validator.provenance import Origin
    from meritnet.validator.why import Story

ROW = 8
"""Figures of a row that are shown."""


def audited(
    path: Path,
    kind: str | None,
    engine: EngineSource,
    files: Path | None,
    chain: AbstractContextManager[Chain] | None,
) -> list[Finding]:
    """Every finding about a bundle's file; with a chain, what that says of it too."""
    import asyncio

    from meritnet.subnets.artifacts import ArtifactStore
    from meritnet.subnets.base import ValidatorContext
    from meritnet.subnets.registry import subnet
    from meritnet.validator.audit import audit
    from meritnet.validator.witness import witness

    if not path.is_file():
        raise UsageError(f"there is no file {path}", "bundles lie in the validator's directory, in bundles/")
    delivered = files or path.resolve().parent.parent / "artifacts"
    store = ArtifactStore(delivered) if delivered.is_dir() else None
    with tempfile.TemporaryDirectory() as scratch:

        def role(origin: Origin) -> ValidatorRole:
            named = kind or origin.kind
            if not named:
                raise UsageError("the bundle does not tell the subnet's kind", "say it by --kind")
            return subnet(named).validator(ValidatorContext(engine, Path(scratch), origin.validator))

        found = asyncio.run(audit(path, role, store))
    with chain or nullcontext() as connected:
        if connected is not None and found[0].is_good:
            found += witness(connected, path)
    return found


def show_audit(found: list[Finding], as_json: bool) -> bool:
    """Shows the findings; whether all of them are good."""
    good = all(one.is_good for one in found)
    result = {"holds": good, "findings": [plain(one) for one in found]}

    def human() -> None:
        shown = [(one.bundle[:12], one.about, one.verdict.value, one.detail) for one in found]
        table(("bundle", "what", "verdict", ""), shown)
        wrong = sum(not one.is_good for one in found)
        print("everything holds" if good else f"{wrong} of {len(found)} do not hold")

    emit(result, as_json, human)
    return good


def show_story(story: Story, as_json: bool) -> None:
    """A miner's story in words, and the evidence of its newest task."""
    from meritnet.validator.why import in_words

    words = in_words(story)
    receipt = story.receipt
    result = {name: plain(value) for name, value in vars(story).items() if name != "receipt"}
    result |= {"words": words, "receipt": None if receipt is None else receipt.fields()}

    def human() -> None:
        print(f"uid {story.uid} of subnet {story.netuid}, {story.hotkey}")
        for sentence in words:
            print(f"- {excerpt(sentence.encode())}")
        if receipt is not None:
            facts(
                _evidence(receipt)
                | {"request id": story.tasks[0].request_id, "signatures": story.fault or "all hold"}
            )
            print(f"the whole of it: bundle {story.tasks[0].bundle}")

    emit(result, as_json, human)


def _evidence(receipt: Receipt) -> dict[str, object]:
    """Question, answer and figures for a person."""
    shown: dict[str, object] = {"asked": excerpt(receipt.task.body)}
    if receipt.response_body is not None:
        shown["answered"] = excerpt(receipt.response_body)
    elif receipt.response is not None:
        shown["answered"] = "(too large to keep; its hash was signed)"
    return {**{name: _figure(value) for name, value in receipt.evidence.items()}, **shown}


def _figure(value: object) -> str:
    """A figure for a person; long rows of them are for programs."""
    if isinstance(value, list) and len(value) > ROW:
        return f"{len(value)} figures"
    return excerpt(str(value).encode())
