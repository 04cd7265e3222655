"""A two-layer model made on the spot, loaded once for all tests of this folder."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from meritnet.subnets.base import MinerContext, ValidatorContext
from meritnet.subnets.models.engine import Engine
from meritnet.subnets.models.tiny import save_tiny

TIMEOUT_S = 600.0

Run = Callable[[Coroutine[Any, Any, Any]], Any]
MINER = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
VALIDATOR = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"


@pytest.fixture(scope="session")
def run() -> Run:
    """Run a coroutine to its end, under a deadline."""

    def to_the_end(work: Coroutine[Any, Any, Any]) -> Any:
        async def bounded() -> Any:
            async with asyncio.timeout(TIMEOUT_S):
                return await work

        return asyncio.run(bounded())

    return to_the_end


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def engine(tiny_folder: Path) -> Iterator[Engine]:
    loaded = Engine.load(tiny_folder)
    yield loaded
    loaded.close()


@pytest.fixture
def miner_context(engine: Engine, tmp_path: Path) -> MinerContext:
    return MinerContext(lambda: engine, tmp_path / "miner", MINER)


@pytest.fixture
def validator_context(engine: Engine, tmp_path: Path) -> ValidatorContext:
    return ValidatorContext(lambda: engine, tmp_path / "validator", VALIDATOR)
