"""How values look in JSON, and what clients may write for them.

Bytes go out as hex with ``0x`` and come in with or without it; block numbers go out in headers as hex and
come in as integers or hex; an absent hash and ``null`` both mean the head.
"""

from meritnet.chain.host.version import RuntimeVersion
from meritnet.chain.node.block import Block, Header
from meritnet.chain.rpc.faults import invalid_params

MAX_BYTES = 16 * 1024 * 1024


def to_hex(data: bytes) -> str:
    """Bytes for JSON."""
    return "0x" + data.hex()


def optional_hex(data: bytes | None) -> str | None:
    """Bytes that may be absent."""
    return None if data is None else to_hex(data)


def from_hex(value: object) -> bytes:
    """Bytes from hex with or without ``0x``."""
    if not isinstance(value, str) or len(value) > 2 * MAX_BYTES:
        raise invalid_params("bytes are written as hex, like 0x1234")
    try:
        return bytes.fromhex(value.removeprefix("0x"))
    except ValueError:
        raise invalid_params(f"{value[:40]!r} is no hex") from None


def to_hash(value: object) -> bytes | None:
    """A block hash; None for ``null``."""
    if value is None:
        return None
    block_hash = from_hex(value)
    if len(block_hash) != 32:
        raise invalid_params(f"a block hash has 32 bytes, not {len(block_hash)}")
    return block_hash


def to_number(value: object, most: int = 2**64 - 1) -> int:
    """A natural number from an integer or from hex."""
    if isinstance(value, str):
        text = value[:40]
        try:
            value = int(text, 16 if text.startswith("0x") else 10)
        except ValueError:
            raise invalid_params(f"{text!r} is no number") from None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise invalid_params(f"a number from 0 to {most} is expected")
    return value


def to_list(value: object, most: int) -> list[object]:
    """A list of bounded length."""
    if not isinstance(value, list) or len(value) > most:
        raise invalid_params(f"a list of at most {most} is expected")
    return value


def to_text(value: object) -> str:
    """A string of bounded length."""
    if not isinstance(value, str) or len(value) > 1024:
        raise invalid_params("a short string is expected")
    return value


def header_form(header: Header) -> dict[str, object]:
    """A header as clients know it."""
    return {
        "parentHash": to_hex(header.parent_hash),
        "number": hex(header.number),
        "stateRoot": to_hex(header.state_root),
        "extrinsicsRoot": to_hex(header.extrinsics_root),
        "digest": {"logs": [to_hex(log) for log in header.logs]},
    }


def block_form(block: Block) -> dict[str, object]:
    """A signed block; a single author justifies nothing."""
    extrinsics = [to_hex(extrinsic) for extrinsic in block.extrinsics]
    return {
        "block": {"header": header_form(block.header), "extrinsics": extrinsics},
        "justifications": None,
    }


def runtime_form(version: RuntimeVersion) -> dict[str, object]:
    """A runtime's version as the newer methods tell it."""
    spec = {
        "specName": version.spec_name,
        "implName": version.impl_name,
        "specVersion": version.spec_version,
        "implVersion": version.impl_version,
        "transactionVersion": version.transaction_version,
        "apis": {to_hex(identifier): number for identifier, number in version.apis.items()},
    }
    return {"type": "valid", "spec": spec}


def version_form(version: RuntimeVersion) -> dict[str, object]:
    """A runtime's version; its last field has two names in the field."""
    return {
        "specName": version.spec_name,
        "implName": version.impl_name,
        "authoringVersion": version.authoring_version,
        "specVersion": version.spec_version,
        "implVersion": version.impl_version,
        "apis": [[to_hex(identifier), number] for identifier, number in version.apis.items()],
        "transactionVersion": version.transaction_version,
        "stateVersion": version.state_version,
        "systemVersion": version.state_version,
    }
