"""The host functions of Substrate, once, as a table: import name, signature, function.

The names and signatures are those of polkadot-sdk's ``sp-io``; ``signature`` explains the words. None stands
for a function of the ``companion``, which is WebAssembly. What is missing here (BLS, bandersnatch, offchain
HTTP and the like) traps with its name when a runtime calls it, not before.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from meritnet.chain.host import companion
from meritnet.chain.host.functions import child, crypto, hashing, misc, offchain, proofs, storage
from meritnet.chain.host.functions.signature import reader, wasm_signature, words, writer
from meritnet.chain.host.overlay import Overlay
from meritnet.chain.host.vm import Arguments, HostFunction, Memory


@dataclass
class Call:
    """One call into the runtime, as the host functions see it.

    ``outer_depth`` is the number of storage transactions that were open when the call began, which the
    runtime may not touch; ``batch`` says whether all signatures of the batch being verified were good so
    far.
    """

    memory: Memory
    overlay: Overlay
    allocate: Callable[[int], int]
    version_of: Callable[[bytes], bytes | None]
    keys: crypto.KeyStore
    logs: list[str]
    outer_depth: int = 0
    written_bytes: int = 0
    batch: bool | None = None


class Current:
    """The place where the functions of a machine find the call that is being executed."""

    __slots__ = ("call",)

    def __init__(self) -> None:
        self.call: Call | None = None


TABLE: dict[str, tuple[str, Callable[..., Any] | None]] = {
    # the heap
    "ext_allocator_free_version_1": ("u32 ->", None),
    "ext_allocator_malloc_version_1": ("u32 -> u32", None),
    # storage
    "ext_storage_append_version_1": ("bytes bytes ->", storage.append),
    "ext_storage_changes_root_version_1": ("bytes -> bytes?", storage.changes_root),
    "ext_storage_clear_prefix_version_1": ("bytes ->", storage.clear_prefix_1),
    "ext_storage_clear_prefix_version_2": ("bytes u32? -> bytes", storage.clear_prefix_2),
    "ext_storage_clear_prefix_version_3": ("bytes u32? bytes? -> bytes", storage.clear_prefix_3),
    "ext_storage_clear_version_1": ("bytes ->", storage.clear),
    "ext_storage_commit_transaction_version_1": ("->", storage.commit_transaction),
    "ext_storage_exists_version_1": ("bytes -> bool", storage.exists),
    "ext_storage_get_version_1": ("bytes -> bytes?", storage.get),
    "ext_storage_next_key_version_1": ("bytes -> bytes?", storage.next_key),
    "ext_storage_read_version_1": ("bytes room u32 -> u32?", storage.read),
    "ext_storage_rollback_transaction_version_1": ("->", storage.rollback_transaction),
    "ext_storage_root_version_1": ("-> bytes", storage.root_1),
    "ext_storage_root_version_2": ("u8 -> bytes", storage.root_2),
    "ext_storage_set_version_1": ("bytes bytes ->", storage.set_value),
    "ext_storage_start_transaction_version_1": ("->", storage.start_transaction),
    # child storage
    "ext_default_child_storage_clear_prefix_version_1": ("bytes bytes ->", child.clear_prefix_1),
    "ext_default_child_storage_clear_prefix_version_2": ("bytes bytes u32? -> bytes", child.clear_prefix_2),
    "ext_default_child_storage_clear_prefix_version_3": (
        "bytes bytes u32? bytes? -> bytes",
        child.clear_prefix_3,
    ),
    "ext_default_child_storage_clear_version_1": ("bytes bytes ->", child.clear),
    "ext_default_child_storage_exists_version_1": ("bytes bytes -> bool", child.exists),
    "ext_default_child_storage_get_version_1": ("bytes bytes -> bytes?", child.get),
    "ext_default_child_storage_next_key_version_1": ("bytes bytes -> bytes?", child.next_key),
    "ext_default_child_storage_read_version_1": ("bytes bytes room u32 -> u32?", child.read),
    "ext_default_child_storage_root_version_1": ("bytes -> bytes", child.root_1),
    "ext_default_child_storage_root_version_2": ("bytes u8 -> bytes", child.root_2),
    "ext_default_child_storage_set_version_1": ("bytes bytes bytes ->", child.set_value),
    "ext_default_child_storage_storage_kill_version_1": ("bytes ->", child.storage_kill_1),
    "ext_default_child_storage_storage_kill_version_2": ("bytes u32? -> bool", child.storage_kill_2),
    "ext_default_child_storage_storage_kill_version_3": ("bytes u32? -> bytes", child.storage_kill_3),
    "ext_default_child_storage_storage_kill_version_4": ("bytes u32? bytes? -> bytes", child.storage_kill_4),
    # hashing
    "ext_hashing_blake2_128_version_1": ("bytes -> [16]", None),
    "ext_hashing_blake2_256_version_1": ("bytes -> [32]", None),
    "ext_hashing_keccak_256_version_1": ("bytes -> [32]", hashing.keccak_256),
    "ext_hashing_keccak_512_version_1": ("bytes -> [64]", hashing.keccak_512),
    "ext_hashing_sha2_256_version_1": ("bytes -> [32]", hashing.sha2_256),
    "ext_hashing_twox_128_version_1": ("bytes -> [16]", None),
    "ext_hashing_twox_256_version_1": ("bytes -> [32]", None),
    "ext_hashing_twox_64_version_1": ("bytes -> [8]", None),
    # tries
    "ext_trie_blake2_256_ordered_root_version_1": ("list -> [32]", hashing.blake2_256_ordered_root),
    "ext_trie_blake2_256_ordered_root_version_2": ("list u8 -> [32]", hashing.blake2_256_ordered_root),
    "ext_trie_blake2_256_root_version_1": ("pairs -> [32]", hashing.blake2_256_root),
    "ext_trie_blake2_256_root_version_2": ("pairs u8 -> [32]", hashing.blake2_256_root),
    "ext_trie_blake2_256_verify_proof_version_1": ("[32] list bytes bytes -> bool", proofs.blake2_256_verify),
    "ext_trie_blake2_256_verify_proof_version_2": (
        "[32] list bytes bytes u8 -> bool",
        proofs.blake2_256_verify,
    ),
    "ext_trie_keccak_256_ordered_root_version_1": ("list -> [32]", hashing.keccak_256_ordered_root),
    "ext_trie_keccak_256_ordered_root_version_2": ("list u8 -> [32]", hashing.keccak_256_ordered_root),
    "ext_trie_keccak_256_root_version_1": ("pairs -> [32]", hashing.keccak_256_root),
    "ext_trie_keccak_256_root_version_2": ("pairs u8 -> [32]", hashing.keccak_256_root),
    "ext_trie_keccak_256_verify_proof_version_1": ("[32] list bytes bytes -> bool", proofs.keccak_256_verify),
    "ext_trie_keccak_256_verify_proof_version_2": (
        "[32] list bytes bytes u8 -> bool",
        proofs.keccak_256_verify,
    ),
    # signatures
    "ext_crypto_ecdsa_batch_verify_version_1": ("[65] bytes [33] -> bool", crypto.ecdsa_batch_verify),
    "ext_crypto_ecdsa_generate_version_1": ("[4] bytes? -> [33]", crypto.ecdsa_generate),
    "ext_crypto_ecdsa_public_keys_version_1": ("[4] -> bytes", crypto.ecdsa_public_keys),
    "ext_crypto_ecdsa_sign_prehashed_version_1": ("[4] [33] [32] -> bytes", crypto.ecdsa_sign_prehashed),
    "ext_crypto_ecdsa_sign_version_1": ("[4] [33] bytes -> bytes", crypto.ecdsa_sign),
    "ext_crypto_ecdsa_verify_prehashed_version_1": ("[65] [32] [33] -> bool", crypto.ecdsa_verify_prehashed),
    "ext_crypto_ecdsa_verify_version_1": ("[65] bytes [33] -> bool", crypto.ecdsa_verify),
    "ext_crypto_ecdsa_verify_version_2": ("[65] bytes [33] -> bool", crypto.ecdsa_verify),
    "ext_crypto_ed25519_batch_verify_version_1": ("[64] bytes [32] -> bool", crypto.ed25519_batch_verify),
    "ext_crypto_ed25519_generate_version_1": ("[4] bytes? -> [32]", crypto.ed25519_generate),
    "ext_crypto_ed25519_public_keys_version_1": ("[4] -> bytes", crypto.ed25519_public_keys),
    "ext_crypto_ed25519_sign_version_1": ("[4] [32] bytes -> bytes", crypto.ed25519_sign),
    "ext_crypto_ed25519_verify_version_1": ("[64] bytes [32] -> bool", crypto.ed25519_verify),
    "ext_crypto_finish_batch_verify_version_1": ("-> bool", crypto.finish_batch_verify),
    "ext_crypto_secp256k1_ecdsa_recover_compressed_version_1": (
        "[65] [32] -> bytes",
        crypto.secp256k1_ecdsa_recover_compressed,
    ),
    "ext_crypto_secp256k1_ecdsa_recover_compressed_version_2": (
        "[65] [32] -> bytes",
        crypto.secp256k1_ecdsa_recover_compressed,
    ),
    "ext_crypto_secp256k1_ecdsa_recover_version_1": ("[65] [32] -> bytes", crypto.secp256k1_ecdsa_recover),
    "ext_crypto_secp256k1_ecdsa_recover_version_2": ("[65] [32] -> bytes", crypto.secp256k1_ecdsa_recover),
    "ext_crypto_sr25519_batch_verify_version_1": ("[64] bytes [32] -> bool", crypto.sr25519_batch_verify),
    "ext_crypto_sr25519_generate_version_1": ("[4] bytes? -> [32]", crypto.sr25519_generate),
    "ext_crypto_sr25519_public_keys_version_1": ("[4] -> bytes", crypto.sr25519_public_keys),
    "ext_crypto_sr25519_sign_version_1": ("[4] [32] bytes -> bytes", crypto.sr25519_sign),
    "ext_crypto_sr25519_verify_version_1": ("[64] bytes [32] -> bool", crypto.sr25519_verify),
    "ext_crypto_sr25519_verify_version_2": ("[64] bytes [32] -> bool", crypto.sr25519_verify),
    "ext_crypto_start_batch_verify_version_1": ("->", crypto.start_batch_verify),
    # logging, printing, versions
    "ext_logging_log_version_1": ("u8 text text ->", misc.log),
    "ext_logging_max_level_version_1": ("-> u8", misc.max_level),
    "ext_misc_print_hex_version_1": ("bytes ->", misc.print_hex),
    "ext_misc_print_num_version_1": ("u64 ->", misc.print_num),
    "ext_misc_print_utf8_version_1": ("text ->", misc.print_utf8),
    "ext_misc_runtime_version_version_1": ("bytes -> bytes?", misc.runtime_version),
    "ext_panic_handler_abort_on_panic_version_1": ("text ->", misc.abort_on_panic),
    "ext_wasm_tracing_enabled_version_1": ("bytes -> bool", misc.tracing_enabled),
    "ext_wasm_tracing_enter_span_version_1": ("bytes -> u64", misc.tracing_enter_span),
    "ext_wasm_tracing_event_version_1": ("bytes ->", misc.nothing),
    "ext_wasm_tracing_exit_version_1": ("u64 ->", misc.nothing),
    # what a block leaves for offchain workers and archives
    "ext_offchain_index_clear_version_1": ("bytes ->", misc.nothing),
    "ext_offchain_index_set_version_1": ("bytes bytes ->", misc.nothing),
    "ext_transaction_index_index_version_1": ("u32 u32 [32] ->", misc.nothing),
    "ext_transaction_index_renew_version_1": ("u32 [32] ->", misc.nothing),
    # offchain workers, which this host does not run
    **{name: (signature, offchain.refuse(name)) for name, signature in offchain.SIGNATURES.items()},
}


def bound(current: Current) -> dict[str, HostFunction]:
    """The table as functions of a machine, which work on whatever call ``current`` holds."""
    functions = {
        name: _bind(signature, function, current) for name, (signature, function) in TABLE.items() if function
    }
    return functions | {"heap_failure": companion.HEAP_FAILURE}


def _bind(signature: str, function: Callable[..., Any], current: Current) -> HostFunction:
    """One row of the table as a WASM function: read the arguments, call, write the result."""
    parameters, result = words(signature)
    readers = [(2 * index, reader(word)) for index, word in enumerate(parameters)]
    write = writer(result) if result else None

    def enter(arguments: Arguments) -> None:
        call = current.call
        assert call is not None, "the runtime runs only inside a call"
        value = function(call, *[read(call, arguments[slot]) for slot, read in readers])
        if write is not None:
            arguments[0] = write(call, value)

    return HostFunction(wasm_signature(signature), enter)
