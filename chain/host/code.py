"""The bytes of a runtime: WebAssembly, plain or compressed with zstd."""

import zstandard

from meritnet.chain.errors import HostError

COMPRESSED = bytes((82, 188, 83, 118, 70, 219, 142, 5))
"""Substrate's mark before a zstd frame in the ``:code`` of a state."""

ZSTD_FRAME = b"\x28\xb5\x2f\xfd"
WASM = b"\x00asm"
START_SECTION = 8

MAX_CODE_BYTES = 50 * 1024 * 1024
"""Substrate's limit too: what would decompress to more is refused before it does."""


def wasm_of(code: bytes) -> bytes:
    """The WebAssembly module in ``code``; ``HostError`` if there is none or it is too large."""
    frame = code[len(COMPRESSED) :] if code.startswith(COMPRESSED) else code
    if frame.startswith(ZSTD_FRAME):
        code = _decompressed(frame)
    if len(code) > MAX_CODE_BYTES:
        raise HostError(f"the runtime's code has {len(code)} bytes, {MAX_CODE_BYTES} are allowed")
    if not code.startswith(WASM):
        raise HostError("the runtime's code is no WebAssembly module")
    if _has_start_function(code):
        raise HostError("the runtime has a start function, which would run before there is a heap")
    return code


def _has_start_function(code: bytes) -> bool:
    """Whether the module has a start section. What is malformed is left to the compiler."""
    at = 8
    while at < len(code):
        section = code[at]
        if section == START_SECTION:
            return True
        length, shift = 0, 0
        for byte in code[at + 1 : at + 6]:
            at += 1
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        at += 1 + length
    return False


def _decompressed(frame: bytes) -> bytes:
    """The content of one zstd frame; never more memory than the limit, whatever the frame says of itself."""
    try:
        stated = zstandard.get_frame_parameters(frame).content_size
        if (
            stated not in (zstandard.CONTENTSIZE_UNKNOWN, zstandard.CONTENTSIZE_ERROR)
            and stated > MAX_CODE_BYTES
        ):
            raise HostError(f"the runtime's code decompresses to more than {MAX_CODE_BYTES} bytes")
        return zstandard.ZstdDecompressor().decompress(frame, max_output_size=MAX_CODE_BYTES)
    except zstandard.ZstdError as error:
        raise HostError(f"the runtime's code cannot be decompressed: {error}") from None
