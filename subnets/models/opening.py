"""Load weights and tokenizer as a `Loading` says; every way in which that can fail is one clear line."""

import contextlib
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    GgufConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging as transformers_logging

from meritnet.subnets.base import Progress, Report
from meritnet.subnets.models import sources
from meritnet.subnets.models.files import gguf_of
from meritnet.subnets.models.fit import refuse_unfit
from meritnet.subnets.models.loading import Loading
from meritnet.subnets.models.sources import ModelUnavailable


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Load without progress bars and advice of the libraries on the terminal; errors still come through."""
    level = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        transformers_logging.set_verbosity(level)
        transformers_logging.enable_progress_bar()


def open_model(loading: Loading, report: Report) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Fetch, if need be, and load a model that fits. Raises ModelUnavailable."""
    need_libraries(loading)
    refuse_unfit(loading)
    place = sources.locate(loading.model, report)
    gguf = gguf_of(place)
    folder = place if gguf is None else gguf.parent
    if gguf is not None and loading.quantize != "none":
        raise ModelUnavailable(
            f"{gguf} is a GGUF file: its weights are unpacked, not quantised anew",
            "leave out --quantize, or name a folder with safetensors",
        )
    named: dict[str, Any] = {} if gguf is None else {"gguf_file": gguf.name}
    report(Progress("load the model", 0, 1))
    try:
        with quiet():
            tokenizer = AutoTokenizer.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False, **named
            )
            model = AutoModelForCausalLM.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False, **named, **_arguments(loading, gguf)
            )
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, AttributeError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelUnavailable(f"cannot load a model from {place}: {reason}") from error
    if loading.quantize == "int4":
        _keep_as_loaded(model)
    if gguf is not None:
        vars(model.config).pop(
            "quantization_config", None
        )  # it describes the file that the weights came from
    if any(weight.is_meta for weight in model.parameters()):
        raise ModelUnavailable(
            f"{loading.name} does not fit into the GPUs and memory together",
            "weights on disk are not supported: quantise, or take a smaller model",
        )
    report(Progress("load the model", 1, 1))
    return model, tokenizer


def _keep_as_loaded(model: PreTrainedModel) -> None:
    """Keep 4-bit weights from being packed anew for the CPU by the first answer.

    A layer that shares the weights, or trains an adapter on them, would read them as they were before.
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False


def need_libraries(loading: Loading) -> None:
    """Miss early what a setting needs. Raises ModelUnavailable."""
    if loading.quantize != "none" and find_spec("bitsandbytes") is None:
        raise ModelUnavailable(
            f"--quantize {loading.quantize} needs the library bitsandbytes",
            "pip install 'meritnet[quantize]'",
        )
    if loading.attention == "flash_attention_2" and find_spec("flash_attn") is None:
        raise ModelUnavailable("flash_attention_2 needs the library flash-attn", "install it, or take sdpa")


def _arguments(loading: Loading, gguf: Path | None) -> dict[str, Any]:
    """What transformers is told; on the CPU and by default as little as possible."""
    arguments: dict[str, Any] = {"dtype": getattr(torch, loading.dtype)}
    if loading.device_map != "cpu":
        arguments["device_map"] = loading.device_map
    if loading.attention != "auto":
        arguments["attn_implementation"] = loading.attention
    if gguf is not None:
        # Packed weights need kernels that transformers would fetch from the hub.
        return arguments | {"quantization_config": GgufConfig(dequantize=True)}
    if loading.quantize == "int8":
        arguments["quantization_config"] = BitsAndBytesConfig(load_in_8bit=True)
    if loading.quantize == "int4":
        arguments["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=arguments["dtype"]
        )
    return arguments | {"use_safetensors": True}
