"""The page about the RPC methods says what the table says."""

from pathlib import Path

from meritnet.chain.rpc.methods import TABLE
from meritnet.chain.rpc.reference import reference

PAGE = Path(__file__).resolve().parents[3] / "docs/rpc.md"


def test_the_page_is_fresh() -> None:
    assert PAGE.read_text() == reference(), "run: python -m meritnet.chain.rpc.reference > docs/rpc.md"


def test_every_method_says_what_it_does() -> None:
    for method in TABLE:
        assert method.run.__doc__, method.name
