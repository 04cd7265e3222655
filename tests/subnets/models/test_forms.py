"""The form of an adapter is read off its file and held against limits before anything is loaded."""

import json
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from meritnet.subnets.fine_tuning.limits import LIMITS
from meritnet.subnets.models import lora
from meritnet.subnets.models.engine import Engine
from meritnet.subnets.models.forms import AdapterError, Form, form_of

FORMS = [
    Form(),
    Form(1, ("o_proj",)),
    Form(16, tuple(sorted(LIMITS.targets))),
    Form(4, ("down_proj", "q_proj"), dora=True),
]


def trained(engine: Engine, form: Form) -> bytes:
    adapted = lora.attach(engine.model, 1, form)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for weight in adapted.parameters():
            if weight.requires_grad:
                weight.add_(torch.randn(weight.shape, generator=generator) / 20)
    return lora.encode(adapted)


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_every_admitted_form_comes_back_as_it_was(engine: Engine, form: Form) -> None:
    data = trained(engine, form)
    adapter = lora.read(data, "x", engine.model, LIMITS)
    assert adapter.form == form
    assert len(data) <= lora.size_bound(engine.model, LIMITS)
    assert lora.encode(lora.applied(engine.model, adapter)) == data
    tokens = torch.arange(20)[None]
    with torch.no_grad():
        base = engine.model(input_ids=tokens).logits
        assert not torch.equal(lora.applied(engine.model, adapter)(input_ids=tokens).logits, base)


def test_a_fresh_dora_changes_nothing(engine: Engine) -> None:
    fresh = lora.attach(engine.model, 1, Form(dora=True))
    tokens = torch.arange(20)[None]
    with torch.no_grad():
        assert torch.allclose(
            fresh(input_ids=tokens).logits, engine.model(input_ids=tokens).logits, atol=1e-5
        )


@pytest.mark.parametrize(
    ("form", "limits", "words"),
    [
        (Form(17), {}, "rank is 1 to 16, this one's 17"),
        (Form(8, ("q_proj", "gate_proj")), {"targets": ("q_proj",)}, "this one changes gate_proj"),
        (Form(dora=True), {"dora": False}, "magnitudes"),
    ],
)
def test_what_is_beyond_the_limits_is_refused_by_its_header(
    engine: Engine, form: Form, limits: dict[str, Any], words: str
) -> None:
    with pytest.raises(AdapterError, match=words):
        lora.read(trained(engine, form), "x", engine.model, replace(LIMITS, **limits))


def header_of(engine: Engine, form: Form) -> tuple[dict[str, Any], bytes]:
    data = trained(engine, form)
    size = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + size]), data[8 + size :]


def file_of(header: dict[str, Any], body: bytes) -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda header: header.pop(next(n for n in header if n.endswith("magnitude_vector"))), "missing"),
        (lambda header: header.pop(next(n for n in header if "layers.1" in n and "q_proj" in n)), "missing"),
        (lambda header: header.update({"x.embed.weight": next(iter(header.values()))}), "no adapter"),
        (
            lambda header: next(header[n] for n in header if "lora_A" in n).update(shape=[3, 64]),
            "one rank",
        ),
        (lambda header: next(iter(header.values())).update(shape="wide"), "has no shape"),
        (lambda header: next(iter(header.values())).update(shape=[True, 2.5]), "has no shape"),
        (lambda header: header.clear(), "has one rank, this one has 0"),
    ],
)
def test_a_header_that_is_of_no_form_is_refused(engine: Engine, change: Any, words: str) -> None:
    header, body = header_of(engine, Form(4, dora=True))
    change(header)
    with pytest.raises(AdapterError, match=words):
        lora.read(file_of(header, body), "x", engine.model, LIMITS)


def test_a_rank_that_would_take_all_memory_is_refused_before_it_is_taken(engine: Engine) -> None:
    header, body = header_of(engine, Form())
    for name, entry in header.items():
        entry["shape"] = [2**60, 64] if "lora_A" in name else [64, 2**60]
    with pytest.raises(AdapterError, match="rank is 1 to 16"):
        lora.read(file_of(header, body), "x", engine.model, LIMITS)


@given(
    st.dictionaries(
        st.from_regex(r"(a\.)?(q_proj|v_proj|x)\.(lora_A\.weight|lora_B\.weight|lora_magnitude_vector|w)"),
        st.lists(st.integers(-3, 40), max_size=3),
        max_size=6,
    )
)
def test_any_names_and_shapes_have_a_form_or_are_refused(shapes: dict[str, list[int]]) -> None:
    try:
        form = form_of(shapes)
        LIMITS.check(form)
    except AdapterError:
        return
    assert 1 <= form.rank <= LIMITS.max_rank
    assert set(form.targets) <= set(LIMITS.targets)
