"""How results are shown: one JSON object, or text for people."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from meritnet.chain.client.submission import Receipt

EXCERPT = 600
"""Characters shown of a question or an answer."""
PIPE_WIDTH = 400
"""Columns when nobody looks: a pipe gets whole lines."""


def emit(result: object, as_json: bool, human: Callable[[], None]) -> None:
    """Print a result for a program or for a person."""
    if as_json:
        sys.stdout.write(json.dumps(plain(result)) + "\n")
    else:
        human()


def plain(value: object) -> Any:
    """A value as JSON has it: records as objects without what is hidden, arrays as lists, bytes as hex."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        shown = [field.name for field in dataclasses.fields(value) if not field.metadata.get("hidden")]
        return {name: plain(getattr(value, name)) for name in shown}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (bytes, bytearray)):
        return "0x" + value.hex()
    if isinstance(value, (str, int, float, bool, type(None))):
        return value
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, Iterable):
        return [plain(item) for item in value]
    return str(value)


def line(*parts: str) -> None:
    """One line of facts, separated by dots."""
    print(" · ".join(part for part in parts if part))


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], empty: str = "nothing to show") -> None:
    """A table; a column whose title ends in ``>`` is set to the right."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    found = Table(box=None, pad_edge=False, header_style="bold")
    for title in columns:
        found.add_column(title.rstrip(">"), justify="right" if title.endswith(">") else "left", no_wrap=True)
    count = 0
    for row in rows:
        found.add_row(*(Text("-" if cell is None else str(cell)) for cell in row))
        count += 1
    shown = found if count else empty
    if sys.stdout.isatty():
        Console().print(shown)
        return
    console = Console(width=PIPE_WIDTH)
    with console.capture() as text:
        console.print(shown)
    for row_text in text.get().splitlines():
        print(row_text.rstrip())


def facts(pairs: Mapping[str, object]) -> None:
    """Names and values, one pair a line; amounts in rao are shown in TAO, truth as yes or no."""
    shown = said(pairs)
    width = max(len(name) for name in shown)
    for name, value in shown.items():
        print(f"{name:<{width}}  {value}")


def said(pairs: Mapping[str, object]) -> dict[str, str]:
    """The same as words."""
    return {name.removesuffix("_rao"): _said(name, value) for name, value in pairs.items()}


def _said(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return tao(value) if isinstance(value, int) and name.endswith("_rao") else str(value)


def excerpt(body: bytes) -> str:
    """A body as one printable line; what a stranger sent must not steer the terminal."""
    text = body.decode(errors="replace")
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    return line if len(line) <= EXCERPT else line[:EXCERPT] + "…"


def tao(amount_rao: int) -> str:
    """An amount with its unit."""
    from meritnet.chain.types import rao_to_tao

    return f"{rao_to_tao(amount_rao)} τ"


def written(receipt: Receipt) -> dict[str, object]:
    """What every write tells in JSON: where it is, what it cost."""
    return {
        "block": receipt.block_number,
        "block_hash": receipt.block_hash,
        "extrinsic_hash": receipt.extrinsic_hash,
        "fee_rao": receipt.fee_rao,
    }


def write_line(receipt: Receipt, *parts: str) -> None:
    """What every write tells a person: what is new, the block, the fee."""
    line(*parts, f"block {receipt.block_number}", f"fee {tao(receipt.fee_rao)}")
