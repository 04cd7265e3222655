"""docs/interop.md says what the public SDK cannot do on our chain yet. It is held to say exactly that."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from meritnet.chain.client.subnets import register_subnet
from meritnet.chain.keys import KeyPair
from meritnet.chain.types import NetUid

PAGE = Path(__file__).resolve().parents[2] / "docs" / "interop.md"


def rows() -> Iterator[list[str]]:
    """The rows of the table under "Not yet": feature, operations, reads, reason."""
    section = PAGE.read_text().split("## Not yet\n", 1)[1].split("\n## ", 1)[0]
    for line in section.splitlines():
        if line.startswith("|") and not line.startswith(("| feature", "|---")):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def named(column: int) -> set[str]:
    return {name for row in rows() for name in re.findall(r"`(\w+)`", row[column])}


@pytest.fixture(scope="module")
def netuid(node) -> NetUid:
    return register_subnet(node.chain, KeyPair.from_uri("//Bob"), KeyPair.from_uri("//Bob//hot").address)[0]


def test_the_page_names_every_read_that_fails_and_no_other(sdk, netuid: NetUid) -> None:
    coldkey, hotkey = KeyPair.from_uri("//Bob").address, KeyPair.from_uri("//Bob//hot").address
    values = {
        "account_ss58": coldkey,
        "amount_alpha": 1,
        "amount_tao": 1,
        "block": 1,
        "call_hash": "0x" + "00" * 32,
        "coldkey_ss58": coldkey,
        "coldkey_ss58s": [coldkey],
        "crowdloan_id": 0,
        "hotkey_ss58": hotkey,
        "hotkey_ss58s": [hotkey],
        "lease_id": 0,
        "lite": True,
        "mechid": 0,
        "netuid": netuid,
        "netuids": [netuid],
        "uid": 0,
    }
    tried = sdk("unread", values=values)
    known, failed = tried["known"], tried["failed"]
    assert set(failed) == named(2), failed
    assert f"{known - len(failed)} of the SDK's {known} reads answer" in PAGE.read_text()


def test_the_page_names_every_operation_without_a_call_and_no_other(sdk) -> None:
    assert set(sdk("uncallable")) == named(1)


def test_every_row_gives_a_reason() -> None:
    assert all(len(row) == 4 and row[3] for row in rows())
