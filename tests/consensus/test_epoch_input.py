"""An input that the chain cannot be in is refused before any arithmetic."""

from random import Random

import pytest

from meritnet.consensus import vectors
from meritnet.consensus.state import EpochInput

VALID = vars(vectors.random_epoch(Random(1), 3))


def test_vectors_must_have_one_length() -> None:
    with pytest.raises(ValueError, match="permits has 2 entries for 3 uids"):
        EpochInput(**VALID | {"permits": [True, False]})


@pytest.mark.parametrize("row", [((0, 1), (0, 2)), ((3, 1),), ((-1, 1),)])
def test_rows_must_name_known_uids_once(row: tuple[tuple[int, int], ...]) -> None:
    with pytest.raises(ValueError, match="a row must name uids below 3 once each"):
        EpochInput(**VALID | {"weights": [row, (), ()]})
