"""The functions of offchain workers. They need a clock, a network and randomness, and this host has none of
them: a runtime may import them, and calling one traps with its name."""

from collections.abc import Callable
from typing import NoReturn

from meritnet.chain.errors import HostError

SIGNATURES = {
    "ext_offchain_http_request_add_header_version_1": "u16 text text -> bytes",
    "ext_offchain_http_request_start_version_1": "text text bytes -> bytes",
    "ext_offchain_http_request_write_body_version_1": "u16 bytes bytes -> bytes",
    "ext_offchain_http_response_headers_version_1": "u16 -> bytes",
    "ext_offchain_http_response_read_body_version_1": "u16 room bytes -> bytes",
    "ext_offchain_http_response_wait_version_1": "bytes bytes -> bytes",
    "ext_offchain_is_validator_version_1": "-> bool",
    "ext_offchain_local_storage_clear_version_1": "u32 bytes ->",
    "ext_offchain_local_storage_compare_and_set_version_1": "u32 bytes bytes bytes -> bool",
    "ext_offchain_local_storage_get_version_1": "u32 bytes -> bytes?",
    "ext_offchain_local_storage_set_version_1": "u32 bytes bytes ->",
    "ext_offchain_network_state_version_1": "-> bytes",
    "ext_offchain_random_seed_version_1": "-> [32]",
    "ext_offchain_set_authorized_nodes_version_1": "bytes bool ->",
    "ext_offchain_sleep_until_version_1": "u64 ->",
    "ext_offchain_submit_transaction_version_1": "bytes -> bytes",
    "ext_offchain_timestamp_version_1": "-> u64",
}


def refuse(name: str) -> Callable[..., NoReturn]:
    """The function that stands for ``name``."""

    def refused(*_arguments: object) -> NoReturn:
        raise HostError(f"the runtime called {name}; this host runs no offchain workers")

    return refused
