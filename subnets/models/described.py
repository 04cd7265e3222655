"""What is known of a model before it is fetched or loaded: its configuration and the size of its files."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import AutoConfig, PretrainedConfig

from meritnet.subnets.models import sources
from meritnet.subnets.models.files import Stored, gguf_of, stored
from meritnet.subnets.models.sources import WHEELS, ModelUnavailable

HUB_TIMEOUT_S = 10.0
CONVERSION_BYTES = 900_000_000
"""Of disk, while a wheel's model is converted."""


class Unknown(ModelUnavailable):
    """Nothing is known about a model yet; fetching it may still work."""


@dataclass(frozen=True)
class Described:
    """A model that need not be here."""

    config: PretrainedConfig
    where: Path
    """Its folder or file, or where it will be written."""
    download_bytes: int
    """Disk that fetching it takes; 0 when it is here."""
    stored: Stored | None = None
    """What its files hold, when they are here and safetensors."""
    packed_bytes: int = 0
    """Size of weights that were quantised before they were published; 0 for others."""


def describe(model: str) -> Described:
    """Look a model up without fetching weights. Raises ModelUnavailable, Unknown when the hub is silent."""
    here = sources.here(model)
    if here is not None:
        return _local(here)
    if model in WHEELS:
        config = AutoConfig.for_model(**WHEELS[model].config)
        return Described(config, sources.models_dir() / model, CONVERSION_BYTES)
    if sources.is_hub_id(model):
        return _hub(model)
    raise sources.unknown(model)


def _local(place: Path) -> Described:
    gguf = gguf_of(place)
    if gguf is not None:
        return Described(_config(str(gguf.parent), gguf_file=gguf.name), gguf, 0)
    config, found = _config(str(place)), stored(place)
    return Described(config, place, 0, found, _packed(config, found.size_bytes))


def _hub(name: str) -> Described:
    """Ask the hub for its list of files, and for the configuration, a few kB."""
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined]  # the HTTP library's own

    try:
        files = HfApi().model_info(name, files_metadata=True, timeout=HUB_TIMEOUT_S).siblings or []
    except (HTTPError, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise Unknown(
            f"{name} is not on this machine, and the hub cannot be asked how large it is: {reason}",
            "check the id and the network, or name a folder",
        ) from error
    weights = sum(file.size or 0 for file in files if file.rfilename.endswith(".safetensors"))
    if not weights:
        raise ModelUnavailable(f"{name} has no safetensors files on the hub")
    config = _config(name)
    return Described(config, Path(constants.HF_HUB_CACHE), weights, packed_bytes=_packed(config, weights))


def _config(place: str, **named: Any) -> PretrainedConfig:
    try:
        return AutoConfig.from_pretrained(place, trust_remote_code=False, **named)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelUnavailable(f"cannot load a model from {place}: {reason}") from error


def _packed(config: PretrainedConfig, size_bytes: int) -> int:
    return size_bytes if getattr(config, "quantization_config", None) is not None else 0
