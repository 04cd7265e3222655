"""Adapters from strangers: what is not exactly an adapter of this model is refused before loading."""

import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import safetensors.torch
import torch

from meritnet.subnets.models import lora
from meritnet.subnets.models.engine import Engine


@pytest.fixture
def shapes(engine: Engine) -> dict[str, tuple[int, ...]]:
    return lora.expected_shapes(engine.model)


@pytest.fixture
def valid(engine: Engine) -> bytes:
    adapted = lora.attach(engine.model, seed=1)
    with torch.no_grad():
        for name, weight in adapted.named_parameters():
            if weight.requires_grad:
                weight.add_(0.01 if "lora_B" in name else 0.0)
    return lora.encode(adapted)


def taken_apart(data: bytes) -> tuple[dict[str, Any], bytes]:
    size = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + size]), data[8 + size :]


def put_together(header: object, body: bytes) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


def test_a_fresh_adapter_changes_nothing_and_a_trained_one_does(engine: Engine, valid: bytes) -> None:
    tokens = torch.arange(20)[None]
    shapes = lora.expected_shapes(engine.model)
    fresh = lora.decode(lora.encode(lora.attach(engine.model, seed=3)), "fresh", shapes)
    trained = lora.decode(valid, "trained", shapes)
    with torch.no_grad():
        base = engine.model(input_ids=tokens).logits
        assert torch.equal(lora.applied(engine.model, fresh)(input_ids=tokens).logits, base)
        assert not torch.equal(lora.applied(engine.model, trained)(input_ids=tokens).logits, base)
        assert torch.equal(engine.model(input_ids=tokens).logits, base)  # the base was not touched


def test_a_model_without_the_layers_is_one_clear_line() -> None:
    with pytest.raises(lora.AdapterError, match="no layers named q_proj or v_proj"):
        lora.attach(torch.nn.Sequential(torch.nn.Linear(2, 2)), seed=1)  # type: ignore[arg-type]


def test_the_base_is_shared_not_copied(engine: Engine) -> None:
    adapted = lora.attach(engine.model, seed=1)
    pointers = {weight.data_ptr() for weight in engine.model.parameters()}
    copied = [name for name, weight in adapted.named_parameters() if weight.data_ptr() not in pointers]
    assert all("lora_" in name for name in copied)


def test_the_same_adapter_has_the_same_bytes(
    engine: Engine, valid: bytes, shapes: dict[str, tuple[int, ...]]
) -> None:
    assert lora.encode(lora.applied(engine.model, lora.decode(valid, "x", shapes))) == valid
    assert len(valid) <= lora.encoded_size_bound(shapes)


def test_peft_itself_reads_the_file(engine: Engine, valid: bytes, shapes: dict[str, tuple[int, ...]]) -> None:
    """The names are peft's, so that an adapter is of use outside of this project."""
    from peft.utils import get_peft_model_state_dict

    names = set(get_peft_model_state_dict(lora.attach(engine.model, seed=0)))
    assert {lora.PREFIX + name for name in names} == set(safetensors.torch.load(valid)) == set(shapes)


Change = Callable[[dict[str, Any], bytes], bytes]
FIRST = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"


def renamed(header: dict[str, Any], body: bytes) -> bytes:
    header["evil"] = header.pop(FIRST)
    return put_together(header, body)


def missing(header: dict[str, Any], body: bytes) -> bytes:
    del header[FIRST]
    return put_together(header, body)


def reshaped(header: dict[str, Any], body: bytes) -> bytes:
    header[FIRST]["shape"] = header[FIRST]["shape"][::-1]
    return put_together(header, body)


def half_precision(header: dict[str, Any], body: bytes) -> bytes:
    header[FIRST]["dtype"] = "F16"
    return put_together(header, body)


def overlapping(header: dict[str, Any], body: bytes) -> bytes:
    begin, end = header[FIRST]["data_offsets"]
    header[FIRST]["data_offsets"] = [0, end - begin] if begin else [4, end + 4]
    return put_together(header, body)


def beyond_the_end(header: dict[str, Any], body: bytes) -> bytes:
    begin, end = header[FIRST]["data_offsets"]
    header[FIRST]["data_offsets"] = [begin + 2**40, end + 2**40]
    return put_together(header, body)


def negative(header: dict[str, Any], body: bytes) -> bytes:
    header[FIRST]["data_offsets"] = [-2048, 0]
    return put_together(header, body)


def not_numbers(header: dict[str, Any], body: bytes) -> bytes:
    header[FIRST]["data_offsets"] = [False, "2048"]
    return put_together(header, body)


def trailing_bytes(header: dict[str, Any], body: bytes) -> bytes:
    return put_together(header, body + b"payload")


def cut_short(header: dict[str, Any], body: bytes) -> bytes:
    return put_together(header, body[:-4])


def header_longer_than_the_file(header: dict[str, Any], body: bytes) -> bytes:
    return (2**63).to_bytes(8, "little") + put_together(header, body)[8:]


def huge_header(header: dict[str, Any], body: bytes) -> bytes:
    return put_together(header | {"__metadata__": {"padding": "x" * lora.MAX_HEADER_BYTES}}, body)


def repeated_name(header: dict[str, Any], body: bytes) -> bytes:
    entry = json.dumps({FIRST: header[FIRST]})[1:-1]
    return put_together(json.dumps(header)[:-1].encode() + b", " + entry.encode() + b"}", body)


def deep_json(header: dict[str, Any], body: bytes) -> bytes:
    return put_together(b"[" * 100_000, body)


def no_object(header: dict[str, Any], body: bytes) -> bytes:
    return put_together(b"[]", body)


def entry_is_a_string(header: dict[str, Any], body: bytes) -> bytes:
    return put_together(header | {FIRST: "tensor"}, body)


def pickled(header: dict[str, Any], body: bytes) -> bytes:
    return pickle.dumps({"weights": body})


def empty(header: dict[str, Any], body: bytes) -> bytes:
    return b""


def infinite(header: dict[str, Any], body: bytes) -> bytes:
    begin = header[FIRST]["data_offsets"][0]
    return put_together(header, body[:begin] + b"\x00\x00\x80\x7f" + body[begin + 4 :])


HOSTILE = [
    (renamed, "missing or unexpected"),
    (missing, "missing or unexpected"),
    (reshaped, "must have the shape"),
    (half_precision, "not float32"),
    (overlapping, "overlaps|hole"),
    (beyond_the_end, "overlaps|hole"),
    (negative, "overlaps|hole"),
    (not_numbers, "no two data offsets"),
    (trailing_bytes, "bytes follow"),
    (cut_short, "or are missing"),
    (header_longer_than_the_file, "header does not fit"),
    (huge_header, "header does not fit"),
    (repeated_name, "unique names"),
    (deep_json, "no JSON object"),
    (no_object, "no JSON object"),
    (entry_is_a_string, "is no object"),
    (pickled, "not a safetensors file"),
    (empty, "header does not fit"),
    (infinite, "not finite"),
]


@pytest.mark.parametrize(("change", "reason"), HOSTILE, ids=[change.__name__ for change, _ in HOSTILE])
def test_a_hostile_file_is_refused(
    valid: bytes, shapes: dict[str, tuple[int, ...]], change: Change, reason: str
) -> None:
    with pytest.raises(lora.AdapterError, match=reason):
        lora.decode(change(*taken_apart(valid)), "hostile", shapes)


def test_the_valid_file_survives_being_taken_apart(valid: bytes, shapes: dict[str, tuple[int, ...]]) -> None:
    assert len(lora.decode(put_together(*taken_apart(valid)), "same", shapes).tensors) == len(shapes)
