"""A GGUF file, or a folder of one, is a model too: unpacked, it computes what its weights say."""

import shutil
from pathlib import Path

import gguf
import numpy as np
import pytest
import torch

from meritnet.subnets.models import opening
from meritnet.subnets.models.engine import Engine
from meritnet.subnets.models.fit import examine
from meritnet.subnets.models.loading import Loading
from meritnet.subnets.models.sources import ModelUnavailable
from meritnet.subnets.models.tiny import tiny_model, tiny_tokenizer

PARTS = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
}  # fmt: skip
WHOLE = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight"}


def write(path: Path) -> Path:
    """Write the tiny model as llama.cpp would; one token more, as a vocabulary needs a merge."""
    model, tokenizer = tiny_model(), tiny_tokenizer()
    config = model.config
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size + 1)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list([*sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().get), "ab"])
    writer.add_token_types([1] * 256 + [3, 1])
    writer.add_token_merges(["a b"])
    writer.add_eos_token_id(256)
    for name, tensor in model.state_dict().items():
        if name != "lm_head.weight":
            writer.add_tensor(*_converted(name, tensor.numpy(), config))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _converted(name: str, values: np.ndarray, config: object) -> tuple[str, np.ndarray]:
    """Name and values of a tensor in the file; queries and keys are permuted there."""
    if name in WHOLE:
        return WHOLE[name], np.concatenate([values, values[:1]]) if "embed" in name else values
    _, _, layer, rest = name.split(".", 3)
    part = PARTS[rest.removesuffix(".weight")]
    heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}.get(part)  # type: ignore[attr-defined]
    if heads:
        shape = (heads, 2, values.shape[0] // heads // 2, values.shape[1])
        values = np.ascontiguousarray(values.reshape(shape).swapaxes(1, 2).reshape(values.shape))
    return f"blk.{layer}.{part}.weight", values


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("gguf") / "packed.gguf")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_file_and_its_folder_compute_the_same_as_the_model(file: Path) -> None:
    tokens = torch.arange(20)[None]
    with torch.no_grad():
        due = tiny_model()(input_ids=tokens).logits
    for place, name in ((file, "packed"), (file.parent, file.parent.name)):
        engine = Engine.load(place)
        assert engine.name == name
        with torch.no_grad():
            assert torch.equal(engine.model(input_ids=tokens).logits[..., :257], due)
        assert engine.encode("hi there") == tiny_tokenizer()("hi there").input_ids
        assert engine.end_tokens == {256}
        engine.close()


def test_it_is_sized_by_its_header(file: Path) -> None:
    assert examine(Loading(str(file))).estimate.parameters == 90_496 + 64


def test_of_several_files_one_must_be_named(file: Path, tmp_path: Path) -> None:
    for name in ("a.gguf", "b.gguf"):
        shutil.copy(file, tmp_path / name)
    with pytest.raises(ModelUnavailable, match="holds 2 GGUF files") as caught:
        Engine.load(tmp_path)
    assert "a.gguf" in caught.value.hint


def test_a_file_that_is_none_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "broken.gguf").write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(ModelUnavailable, match="cannot load a model from") as caught:
        Engine.load(tmp_path / "broken.gguf")
    assert "\n" not in str(caught.value)


def test_it_is_not_quantised_once_more(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "find_spec", lambda name: object())
    with pytest.raises(ModelUnavailable, match="GGUF"):
        Engine.load(Loading(str(file), quantize="int8"))
