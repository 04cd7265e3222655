"""The draw of miners: recomputable, fair, and different for each validator and step."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from meritnet.chain.keys import KeyPair
from meritnet.validator.sampling import sample, step_seed

ALICE = KeyPair.from_uri("//Alice").address
BOB = KeyPair.from_uri("//Bob").address
HASH = "0x" + "7f" * 32


def test_a_seed_depends_on_everything_that_names_a_step() -> None:
    seeds = {
        step_seed(HASH, 1, ALICE, 0),
        step_seed("0x" + "80" * 32, 1, ALICE, 0),
        step_seed(HASH, 2, ALICE, 0),
        step_seed(HASH, 1, BOB, 0),
        step_seed(HASH, 1, ALICE, 1),
    }
    assert len(seeds) == 5
    assert {len(seed) for seed in seeds} == {32}


def test_a_draw_can_be_repeated_by_anyone() -> None:
    seed = step_seed(HASH, 1, ALICE, 0)
    assert sample(range(10), 4, seed) == sample(reversed(range(10)), 4, seed)


@given(st.sets(st.integers(0, 255), max_size=40), st.integers(0, 50), st.binary(min_size=32, max_size=32))
def test_a_draw_is_a_subset_of_the_asked_size(uids: set[int], count: int, seed: bytes) -> None:
    drawn = sample(uids, count, seed)
    assert drawn == sorted(set(drawn))
    assert set(drawn) <= uids
    assert len(drawn) == min(count, len(uids))


def test_every_miner_is_drawn_equally_often() -> None:
    counts = Counter[int]()
    for number in range(3000):
        counts.update(sample(range(10), 3, number.to_bytes(32, "big")))
    assert all(abs(count - 900) < 110 for count in counts.values())  # 900 ± 4.4 standard deviations
