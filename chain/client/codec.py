"""Calls, events and errors by the chain's own metadata; on the codec of ``substrate-interface``.

Decoding metadata takes a while, so one decoded codec is kept per metadata and process, whatever the number
of clients. The codec library keeps state in its type registry; a lock around each use makes ours thread-safe.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from scalecodec.base import RuntimeConfigurationObject, ScaleBytes
from scalecodec.exceptions import InvalidScaleTypeValueException, RemainingScaleBytesNotEmptyException
from scalecodec.type_registry import load_type_registry_preset
from substrateinterface.storage import StorageKey

from meritnet.chain.errors import CodecError, DispatchFailed
from meritnet.chain.types import SS58_PREFIX

_CODEC_ERRORS = (
    *(InvalidScaleTypeValueException, RemainingScaleBytesNotEmptyException, NotImplementedError),
    *(ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RecursionError, MemoryError),
)
"""What the library raises for values and bytes that do not fit a type."""


@dataclass(frozen=True)
class Call:
    """A call of the runtime: pallet, function, arguments by name. A nested call is a ``Call`` among them."""

    pallet: str
    function: str
    arguments: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.pallet}.{self.function}"


@dataclass(frozen=True)
class Event:
    """Something that the runtime reports of a block. ``extrinsic`` is the index of its cause, if one."""

    pallet: str
    name: str
    fields: Any
    extrinsic: int | None = None

    def __getitem__(self, name: str) -> Any:
        """A field by its name."""
        return self.fields[name]


class _Types(RuntimeConfigurationObject):  # type: ignore[misc]
    """The library's type registry, which makes a class anew for every use of ``Vec<…>``; here once.

    Metadata is decoded in 0.3 s instead of 0.9 s. Types of the metadata itself come later and stay uncached.
    """

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}
        super().__init__(ss58_format=SS58_PREFIX, implements_scale_info=True)

    def get_decoder_class(self, type_string: Any) -> Any:
        """The class that decodes a type."""
        if not isinstance(type_string, str) or "scale_info" in type_string:
            return super().get_decoder_class(type_string)
        found = self._made.get(type_string)
        if found is None:
            found = super().get_decoder_class(type_string)
            if found is not None and type_string[-1:] in "])>":
                self._made[type_string] = found
        return found


class Codec:
    """One metadata, decoded."""

    def __init__(self, metadata: bytes) -> None:
        self._lock = threading.RLock()
        self._registry = _Types()
        self._registry.update_type_registry(load_type_registry_preset(name="core"))
        self._metadata = self._registry.create_scale_object("MetadataVersioned", data=ScaleBytes(metadata))
        try:
            self._metadata.decode()
            self._registry.add_portable_registry(self._metadata)
        except _CODEC_ERRORS as error:
            raise CodecError(f"the node's metadata cannot be read: {error}") from error
        self._events_type = self._storage_type("System", "Events")

    def encode_call(self, call: Call) -> bytes:
        """The bytes of a call. Raises ``CodecError`` for an unknown call, argument or value."""
        with self._lock:
            self._check(call)
            encoder = self._registry.create_scale_object("Call", metadata=self._metadata)
            try:
                return bytes(encoder.encode(_plain(call)).data)
            except _CODEC_ERRORS as error:
                raise CodecError(f"{call} does not take these arguments: {error}") from error

    def events(self, data: bytes) -> list[Event]:
        """The events of a block from the value of ``System.Events``."""
        records = self.decode(self._events_type, data)
        return [
            Event(
                record["event"]["module_id"],
                record["event"]["event_id"],
                record["event"]["attributes"],
                record["extrinsic_idx"] if record["phase"] == "ApplyExtrinsic" else None,
            )
            for record in records
        ]

    def decode(self, type_string: str, data: bytes) -> Any:
        """A value of a type of the metadata (``scale_info::N``)."""
        with self._lock:
            decoder = self._registry.create_scale_object(type_string, data=ScaleBytes(data))
            try:
                return decoder.decode()
            except _CODEC_ERRORS as error:
                raise CodecError(f"bytes from the node are no {type_string}: {error}") from error

    def storage_depth(self, pallet: str, item: str) -> int:
        """How many keys lead to a value of a storage item: none for a plain value, two for a double map."""
        return len(self._storage_function(pallet, item).get_params_type_string())

    def storage_key(self, pallet: str, item: str, keys: Sequence[object]) -> bytes:
        """The key of a storage item, or of one entry of a map. Raises ``CodecError`` for unknown names."""
        with self._lock:
            if len(keys) != self.storage_depth(pallet, item):
                raise CodecError(
                    f"{pallet}.{item} takes {self.storage_depth(pallet, item)} keys, not {len(keys)}"
                )
            try:
                found = StorageKey.create_from_storage_function(
                    pallet, item, list(keys), runtime_config=self._registry, metadata=self._metadata
                )
                return bytes(found.data)
            except _CODEC_ERRORS as error:
                raise CodecError(f"{pallet}.{item} does not take these keys: {error}") from error

    def storage_value(self, pallet: str, item: str, value: object) -> bytes:
        """The bytes of a storage item's value. Raises ``CodecError`` if it is none."""
        with self._lock:
            encoder = self._registry.create_scale_object(self._storage_type(pallet, item))
            try:
                return bytes(encoder.encode(value).data)
            except _CODEC_ERRORS as error:
                raise CodecError(f"{pallet}.{item} does not take this value: {error}") from error

    def dispatch_failed(self, error: Any) -> DispatchFailed:
        """The typed form of a ``DispatchError`` as it stands in events."""
        if isinstance(error, Mapping) and "Module" in error:
            return self._module_error(error["Module"])
        if isinstance(error, Mapping):
            (kind, detail), *_ = error.items()
            return DispatchFailed(str(kind), str(detail), _RUNTIME_DOCS.get(str(detail), ""))
        return DispatchFailed("System", str(error), _RUNTIME_DOCS.get(str(error), ""))

    def pallets(self) -> list[str]:
        """The names of the runtime's pallets, in their order."""
        return [pallet.name for pallet in self._metadata.pallets]

    def calls(self, pallet: str) -> dict[str, tuple[str, ...]]:
        """The calls of a pallet with the names of their arguments."""
        found = self._metadata.get_metadata_pallet(pallet)
        if found is None:
            return {}
        return {call.name: tuple(argument.name for argument in call.args) for call in found.calls or ()}

    def arguments(self, pallet: str, function: str) -> tuple[str, ...]:
        """The names of a call's arguments. Raises ``CodecError`` when the runtime has no such call."""
        found = self.calls(pallet).get(function)
        if found is None:
            raise CodecError(
                f"this chain has no call {pallet}.{function}", "the chain's runtime is older or another one"
            )
        return found

    def errors(self, pallet: str) -> dict[str, str]:
        """The errors of a pallet with their texts."""
        found = self._metadata.get_metadata_pallet(pallet)
        if found is None:
            return {}
        return {error.name: _joined(error.docs) for error in found.errors or ()}

    def signed_extensions(self) -> list[tuple[str, str, str]]:
        """Name, type of the part in the extrinsic, type of the part that is only signed; in order."""
        found = self._metadata.get_signed_extensions()
        return [(name, types["extrinsic"], types["additional_signed"]) for name, types in found.items()]

    def is_empty(self, type_string: str) -> bool:
        """Whether a type takes no bytes at all."""
        try:
            self.decode(type_string, b"")
        except CodecError:
            return False
        return True

    def _check(self, call: Call) -> None:
        wanted = self.arguments(call.pallet, call.function)
        if set(call.arguments) != set(wanted):
            raise CodecError(f"{call} takes ({', '.join(wanted)}), not ({', '.join(call.arguments)})")
        for value in call.arguments.values():
            if isinstance(value, Call):
                self._check(value)

    def _module_error(self, module: Mapping[str, Any]) -> DispatchFailed:
        pallet = self._metadata.get_pallet_by_index(int(module["index"]))
        code = module["error"]
        number = bytes.fromhex(code.removeprefix("0x"))[0] if isinstance(code, str) else int(code)
        for variant in pallet.errors or ():
            if variant.value["index"] == number:
                return DispatchFailed(pallet.name, variant.name, _joined(variant.docs))
        return DispatchFailed(pallet.name, f"error {number}")

    def _storage_type(self, pallet: str, item: str) -> str:
        return str(self._storage_function(pallet, item).get_value_type_string())

    def _storage_function(self, pallet: str, item: str) -> Any:
        found = self._metadata.get_metadata_pallet(pallet)
        if found is None:
            raise CodecError(f"the node's metadata has no pallet {pallet}")
        function = found.get_storage_function(item)
        if function is None:
            raise CodecError(f"the pallet {pallet} has no storage item {item}")
        return function


_RUNTIME_DOCS = {
    "BadOrigin": "The account that signed may not make this call.",
    "FundsUnavailable": "The account has too little free balance.",
    "BelowMinimum": "The account would be left with less than the existential deposit.",
    "Frozen": "The funds are frozen.",
    "Overflow": "A number went out of its range.",
    "Underflow": "A number went below zero: the account has too little, for instance.",
    "NotExpendable": "The account would be left with less than the existential deposit.",
    "Exhausted": "The block has no room left.",
    "RequireSudo": "Only the sudo key may make this call.",
}
"""Texts for the runtime's own errors, which carry no documentation in the metadata."""

_codecs: dict[bytes, Codec] = {}
_codecs_lock = threading.Lock()


def codec_of(metadata: bytes) -> Codec:
    """The codec of a metadata, decoded once per process."""
    digest = blake2b(metadata, digest_size=32).digest()
    with _codecs_lock:
        found = _codecs.get(digest)
        if found is None:
            found = _codecs[digest] = Codec(metadata)
        return found


def _joined(docs: list[str]) -> str:
    return " ".join(" ".join(docs).split())


def _plain(value: object) -> Any:
    """A call and its arguments in the form that the library encodes."""
    if isinstance(value, Call):
        arguments = {name: _plain(argument) for name, argument in value.arguments.items()}
        return {"call_module": value.pallet, "call_function": value.function, "call_args": arguments}
    if isinstance(value, (bytes, bytearray)):
        return "0x" + value.hex()
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
