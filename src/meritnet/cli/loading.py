"""The options that say how a model is loaded: one list for all commands that load one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from meritnet.cli.options import config

if TYPE_CHECKING:
    from meritnet.subnets.base import EngineSource, Report
    from meritnet.subnets.models.loading import Loading

KEYS = ("model", "dtype", "device_map", "attention", "quantize")

Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        envvar="MERITNET_MODEL",
        metavar="MODEL",
        help="Name, folder, GGUF file or hub id of the model. Default: smollm2-135m-instruct.",
    ),
]
Dtype = Annotated[
    str | None,
    typer.Option(
        "--dtype",
        envvar="MERITNET_DTYPE",
        metavar="DTYPE",
        help="float32, bfloat16 or float16. Default: float32, in which replay is exact.",
    ),
]
DeviceMap = Annotated[
    str | None,
    typer.Option(
        "--device-map",
        envvar="MERITNET_DEVICE_MAP",
        metavar="WHERE",
        help="cpu, cuda, cuda:N, or auto: all GPUs, then memory. Default: cpu.",
    ),
]
Attention = Annotated[
    str | None,
    typer.Option(
        "--attention",
        envvar="MERITNET_ATTENTION",
        metavar="NAME",
        help="sdpa, eager, flash_attention_2, flash_attention_3 or flex_attention. Default: auto.",
    ),
]
Quantize = Annotated[
    str | None,
    typer.Option(
        "--quantize",
        envvar="MERITNET_QUANTIZE",
        metavar="BITS",
        help="int8 or int4: load the weights rounded (needs the extra `quantize`). Default: none.",
    ),
]


def loading_of(
    model: str | None,
    dtype: str | None = None,
    device_map: str | None = None,
    attention: str | None = None,
    quantize: str | None = None,
) -> Loading:
    """How the command line, the environment or the config file wants the model. Raises UsageError."""
    from meritnet.subnets.models.loading import Loading

    given = dict(zip(KEYS, (model, dtype, device_map, attention, quantize), strict=True))
    found: dict[str, Any] = {key: value or config().get(key) for key, value in given.items()}
    return Loading(**{key: str(value) for key, value in found.items() if value})


def engine_source(wanted: Loading, report: Report) -> EngineSource:
    """Who loads the model when it is needed. One that was asked for and cannot fit is refused at once.

    Raises ModelUnavailable. The default model is looked at when it is loaded: many subnets need none.
    """
    from meritnet.subnets.models.shared import shared_engine

    check(wanted)
    return shared_engine(wanted, report)


def check(wanted: Loading, processes: int = 1) -> None:
    """Refuse settings that cannot work here and models that cannot fit. Raises ModelUnavailable."""
    from meritnet.subnets.models.loading import Loading

    if wanted == Loading():
        return
    from meritnet.subnets.models.fit import refuse_unfit
    from meritnet.subnets.models.opening import need_libraries

    need_libraries(wanted)
    refuse_unfit(wanted, processes)
