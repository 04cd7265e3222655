"""How a host function's arguments come out of WebAssembly's integers, and its result goes back in.

A signature is written in a small language, one word a parameter:

=============  ====================================================================  ==========
word           Python value                                                          WASM type
=============  ====================================================================  ==========
``bytes``      the bytes themselves                                                  i64: pointer, length <<
32 ``text``       str; what is no UTF-8 is replaced                                     the same ``bytes?``
a SCALE-encoded ``Option<Vec<u8>>``: bytes or None                    the same ``u32?``       a
SCALE-encoded ``Option<u32>``: int or None                          the same ``list``       a SCALE-encoded
``Vec<Vec<u8>>``: list of bytes                       the same ``pairs``      a SCALE-encoded
``Vec<(Vec<u8>, Vec<u8>)>``: list of pairs            the same ``room``       (pointer, length) of bytes to
be written                              the same ``[N]``        N bytes
i32: pointer ``u8 … u64``   int                                                                   i32, i64
``bool``       bool                                                                  i32 =============
====================================================================  ==========

As a result, each word says the same of what the function returned.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from meritnet.chain.errors import HostError
from meritnet.chain.host.scale import Decoder, encode_option

if TYPE_CHECKING:
    from meritnet.chain.host.functions import Call

Reader = Callable[["Call", int], Any]
Writer = Callable[["Call", Any], int]


def words(signature: str) -> tuple[list[str], str]:
    """The words for the parameters and the word for the result, which is empty if there is none."""
    parameters, _, result = signature.partition("->")
    return parameters.split(), result.strip()


def wasm_signature(signature: str) -> str:
    """The WASM function type, as ``vm.HostFunction`` wants it."""
    parameters, result = words(signature)
    types = [_wasm_type(word) for word in parameters]
    return " ".join([*types, "->", *([_wasm_type(result)] if result else [])])


def _wasm_type(word: str) -> str:
    return "i32" if word[0] == "[" or word in ("u8", "u16", "u32", "bool") else "i64"


def reader(word: str) -> Reader:
    """What turns one parameter into a Python value."""
    if word[0] == "[":
        length = int(word[1:-1])
        return lambda call, value: call.memory.read(value & 0xFFFFFFFF, length)
    return _READERS[word]


def writer(word: str) -> Writer:
    """What turns a function's Python value into its WASM result, allocating room for it where needed."""
    if word[0] == "[":
        length = int(word[1:-1])
        return lambda call, value: _store(call, value, length)
    return _WRITERS[word]


def _store(call: "Call", value: bytes, length: int) -> int:
    if len(value) != length:
        raise HostError(f"a host function made {len(value)} bytes, not {length}")
    pointer = call.allocate(length)
    call.memory.write(pointer, value)
    return pointer


def _bytes(call: "Call", value: int) -> bytes:
    return call.memory.read(value & 0xFFFFFFFF, value >> 32)


def _write_bytes(call: "Call", value: bytes) -> int:
    length = len(value)
    pointer = call.allocate(length)
    call.memory.write(pointer, value)
    return pointer | length << 32


def _write_optional_u32(call: "Call", value: int | None) -> int:
    return _write_bytes(call, b"\x00" if value is None else b"\x01" + value.to_bytes(4, "little"))


def _decoded(read: Callable[[Decoder], Any]) -> Reader:
    return lambda call, value: read(Decoder(_bytes(call, value)))


_READERS: dict[str, Reader] = {
    "bytes": _bytes,
    "text": lambda call, value: _bytes(call, value).decode("utf-8", "replace"),
    "bytes?": _decoded(lambda data: data.option(data.bytes)),
    "u32?": _decoded(lambda data: data.option(data.u32)),
    "list": _decoded(lambda data: data.many(data.bytes)),
    "pairs": _decoded(lambda data: data.many(data.pair)),
    "room": lambda _call, value: (value & 0xFFFFFFFF, value >> 32),
    "u8": lambda _call, value: value & 0xFF,
    "u16": lambda _call, value: value & 0xFFFF,
    "u32": lambda _call, value: value & 0xFFFFFFFF,
    "u64": lambda _call, value: value,
    "bool": lambda _call, value: value & 0xFF != 0,
}

_WRITERS: dict[str, Writer] = {
    "bytes": _write_bytes,
    "bytes?": lambda call, value: _write_bytes(call, encode_option(value)),
    "u32?": _write_optional_u32,
    "u8": lambda _call, value: value,
    "u32": lambda _call, value: value,
    "u64": lambda _call, value: value,
    "bool": lambda _call, value: int(value),
}
