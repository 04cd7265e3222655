"""The heap against a model: blocks never overlap, what is freed is used again, what is wrong traps."""

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meritnet.chain.errors import HostError
from meritnet.chain.host import companion
from meritnet.chain.host.executor import Executor
from meritnet.chain.host.functions import Current, bound
from meritnet.chain.host.vm import Instance, Machine

HEADER_BYTES = 8


@pytest.fixture(scope="module")
def start(executor_of: Callable[..., Executor]) -> Callable[[], Instance]:
    executor = executor_of("", heap_base='(global (export "__heap_base") i32 (i32.const 4097))')
    return Machine(executor.module, bound(Current()), executor.companion).start


@pytest.fixture
def instance(start: Callable[[], Instance]) -> Instance:
    return start()


def heap(instance: Instance) -> tuple[Callable[[int], int], Callable[[int], int]]:
    return companion.start_heap(instance), instance.function(companion.FREE, "i32 ->", of_companion=True)


def block_bytes(size: int) -> int:
    """What a block of ``size`` bytes takes: a power of two, at least 8."""
    return max(8, 1 << (size - 1).bit_length()) if size else 8


@given(st.lists(st.integers(0, 70_000) | st.none(), max_size=60), st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_blocks_do_not_overlap_and_keep_their_bytes(
    start: Callable[[], Instance], steps: list[int | None], random: Any
) -> None:
    instance = start()
    malloc, free = heap(instance)
    live: dict[int, bytes] = {}
    for number, size in enumerate(steps):
        if size is None and live:
            pointer = random.choice(sorted(live))
            assert instance.memory.read(pointer, len(live[pointer])) == live.pop(pointer)
            free(pointer)
        elif size is not None:
            pointer = malloc(size)
            assert pointer % 8 == 0
            assert pointer > 4_097
            assert all(
                pointer + size <= at - HEADER_BYTES or at + len(data) <= pointer - HEADER_BYTES
                for at, data in live.items()
            )
            live[pointer] = bytes([number]) * size
            instance.memory.write(pointer, live[pointer])
    assert all(instance.memory.read(at, len(data)) == data for at, data in live.items())


def test_a_freed_block_is_used_again_for_its_size(instance: Instance) -> None:
    malloc, free = heap(instance)
    first, second = malloc(100), malloc(100)
    free(first)
    free(second)
    assert [malloc(128), malloc(65), malloc(100)] == [second, first, second + HEADER_BYTES + 128]
    assert malloc(64) > second


def test_the_sizes_are_powers_of_two_from_8_bytes_on(instance: Instance) -> None:
    malloc, _ = heap(instance)
    for size in (0, 1, 8, 9, 16, 17, 31, 32, 33, 1_000):
        assert -malloc(size) + malloc(1) == block_bytes(size) + HEADER_BYTES


def test_the_largest_block_is_32_mebibytes(instance: Instance) -> None:
    malloc, _ = heap(instance)
    pointer = malloc(companion.MAX_BLOCK_BYTES)
    instance.memory.write(pointer + companion.MAX_BLOCK_BYTES - 1, b"x")
    with pytest.raises(HostError, match="more than 33554432 bytes at once"):
        malloc(companion.MAX_BLOCK_BYTES + 1)


def test_a_heap_that_is_full_says_so(instance: Instance) -> None:
    malloc, free = heap(instance)

    blocks = [malloc(companion.MAX_BLOCK_BYTES) for _ in range(7)]
    with pytest.raises(HostError, match="memory is exhausted"):
        malloc(companion.MAX_BLOCK_BYTES)
    free(blocks[0])
    assert malloc(companion.MAX_BLOCK_BYTES) == blocks[0]


@pytest.mark.parametrize("pointer", [0, 8, 4_200, 5_001, 1 << 31])
def test_freeing_what_was_not_allocated_traps(instance: Instance, pointer: int) -> None:
    malloc, free = heap(instance)
    malloc(100)
    with pytest.raises(HostError, match=r"freed what was not allocated|out of bounds"):
        free(pointer)


def test_freeing_twice_traps(instance: Instance) -> None:
    malloc, free = heap(instance)
    pointer = malloc(100)
    free(pointer)
    with pytest.raises(HostError, match=r"freed what was not allocated"):
        free(pointer)


def test_a_runtime_that_destroys_its_heap_harms_only_itself(instance: Instance) -> None:
    """Whatever stands in the heap's own notes, the host writes inside the memory or traps."""
    malloc, _ = heap(instance)
    for junk in (b"\xff" * 96, b"\xfe\xff\xff\x7f" * 24, b"\x01\x00\x00\x00" * 24):
        instance.memory.write(4_104, junk)
        with contextlib.suppress(HostError):
            pointer = malloc(64)
            instance.memory.write(pointer, b"x" * 64)
            assert instance.memory.read(pointer, 64) == b"x" * 64
