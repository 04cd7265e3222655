"""Turn a GGUF file into a float32 model folder: ``python -m meritnet.subnets.models.convert FILE FOLDER``.

A process of its own, because the conversion takes 1.5 GB and most of a minute, and the libraries draw their
own progress bars.
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer


def convert(gguf: Path, folder: Path) -> None:
    """Dequantise weights, read the tokenizer out of the file, save both as transformers does."""
    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name, local_files_only=True)
    model = AutoModelForCausalLM.from_pretrained(
        gguf.parent, gguf_file=gguf.name, dtype=torch.float32, local_files_only=True
    )
    del model.config.quantization_config  # it describes the file that the weights came from
    model.config.save_pretrained(folder)
    model.generation_config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    named = reversed(model.state_dict().items())
    unique = {
        tensor.data_ptr(): (name, tensor) for name, tensor in named
    }  # tied weights keep their first name
    weights = {name: tensor.contiguous() for name, tensor in unique.values()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
