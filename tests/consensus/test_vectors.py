"""The vectors in chain/vectors are what the specification of this very version generates."""

import pytest

from meritnet.consensus import vectors


@pytest.mark.parametrize("name", vectors.FILES)
def test_vectors_are_fresh(name: str) -> None:
    written = (vectors.FOLDER / f"{name}.json").read_text()
    assert written == vectors.render(name), "run python -m meritnet.consensus.vectors"


def test_every_file_of_vectors_is_generated() -> None:
    assert {path.stem for path in vectors.FOLDER.glob("*.json")} == set(vectors.FILES)


def test_writing_the_vectors_elsewhere(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(vectors, "FOLDER", tmp_path)
    vectors.main()
    assert {path.stem for path in tmp_path.iterdir()} == set(vectors.FILES)
