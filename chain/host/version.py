"""What a runtime says of itself: the SCALE struct ``RuntimeVersion``, which ``Core_version`` returns."""

from collections.abc import Mapping
from dataclasses import dataclass

from meritnet.chain.errors import HostError
from meritnet.chain.host.scale import Decoder

CORE_API = bytes.fromhex("df6acb689907609b")
"""The BLAKE2b hash of ``Core``, eight bytes."""


@dataclass(frozen=True, slots=True)
class RuntimeVersion:
    """Names and numbers by which clients tell runtimes apart.

    ``apis`` gives the version of each runtime API by the 8-byte hash of its name, in the runtime's order;
    ``state_version`` is the layout (0 or 1) of the values that it writes.
    """

    spec_name: str
    impl_name: str
    authoring_version: int
    spec_version: int
    impl_version: int
    apis: Mapping[bytes, int]
    transaction_version: int
    state_version: int

    @classmethod
    def decode(cls, encoded: bytes) -> "RuntimeVersion":
        """The version from its SCALE encoding; ``HostError`` if it is none."""
        data = Decoder(encoded)
        spec_name, impl_name = data.text(), data.text()
        authoring, spec, impl = data.u32(), data.u32(), data.u32()
        apis = dict(data.many(lambda: (data.take(8), data.u32())))
        core = apis.get(CORE_API, 0)  # by its version, the struct has grown at its end
        transaction = data.u32() if core >= 3 else 1
        state = data.take(1)[0] if core >= 4 else 0
        if state > 1:
            raise HostError(f"the runtime has the state version {state}; 0 and 1 exist")
        return cls(spec_name, impl_name, authoring, spec, impl, apis, transaction, state)
