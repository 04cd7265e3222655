"""Models made from a loaded one: shells that share its weights, and cheaper ones that lazy miners serve.

``skip:5``   leaves out the last five layers (shares all weights, costs no memory).
``shallow``  leaves out the last sixth of the layers, at least one.
``int8``, ``int4``, ``int3``   round every weight matrix to so many bits, in groups of 64 (a copy: +100 %
memory).
"""

import copy
import re

import torch
from transformers import PreTrainedModel

from meritnet.chain.errors import UsageError

GROUP_SIZE = 64


def shell(model: PreTrainedModel) -> PreTrainedModel:
    """Copy a model's modules but not its weights, so that they can be rearranged freely."""
    shared = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    return copy.deepcopy(model, shared)


def variant_of(model: PreTrainedModel, name: str) -> PreTrainedModel:
    """Make the variant called `name`.

    The empty name is the model itself. Raises UsageError for an unknown one.
    """
    if not name:
        return model
    if match := re.fullmatch(r"skip:(\d+)", name):
        return _without_last_layers(model, int(match[1]))
    if name == "shallow":
        return _without_last_layers(model, max(1, model.config.num_hidden_layers // 6))
    if match := re.fullmatch(r"int([348])", name):
        return _rounded(model, int(match[1]))
    raise UsageError(
        f"unknown model variant {name!r}", hint="known variants: skip:N, shallow, int8, int4, int3"
    )


def _without_last_layers(model: PreTrainedModel, count: int) -> PreTrainedModel:
    layers = model.config.num_hidden_layers
    if not 0 < count < layers:
        raise UsageError(f"the model has {layers} layers, {count} of them cannot be skipped")
    shorter = shell(model)
    shorter.model.layers = shorter.model.layers[:-count]
    shorter.config.num_hidden_layers = layers - count
    return shorter


def _rounded(model: PreTrainedModel, bits: int) -> PreTrainedModel:
    """Round to nearest, symmetric, one scale a group of weights; embeddings and output stay as they are."""
    if getattr(model, "quantization_method", None) is not None:
        raise UsageError("the model is quantised already and is not rounded once more")
    coarse = copy.deepcopy(model)
    largest = 2 ** (bits - 1) - 1
    for name, module in coarse.named_modules():
        if isinstance(module, torch.nn.Linear) and name != "lm_head":
            groups = module.weight.data.reshape(-1, min(GROUP_SIZE, module.in_features))  # (G, 64)
            scale = groups.abs().amax(dim=1, keepdim=True).clamp(min=1e-12) / largest
            module.weight.data = (groups / scale).round().mul(scale).reshape(module.weight.shape)
    return coarse
