"""What tests of all folders share.

Hypothesis draws the same cases in every run, so that only a change turns a test red; MERITNET_EXPLORE=1 draws
others, and many more of them.
"""

import os
import site
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import meritnet

# No deadlines: they would measure the machine.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile(
    "explore", max_examples=1_000, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("explore" if os.environ.get("MERITNET_EXPLORE") else "steady")


@dataclass(frozen=True)
class Environment:
    """A virtual environment that sees this one's packages and takes new ones in for itself."""

    python: str
    variables: dict[str, str]
    """For processes that should find its commands first, and no index: what pip needs is here."""


@pytest.fixture
def fresh_environment(tmp_path: Path) -> Environment:
    """An environment of its own, so that a test may install a package as a person would."""
    folder = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=60)
    python = folder / "bin/python"
    told = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    own = Path(subprocess.run(told, capture_output=True, text=True, check=True, timeout=60).stdout.strip())
    shared = [*site.getsitepackages(), str(Path(meritnet.__file__).parents[1])]
    lines = [f"import site; site.addsitedir({path!r})\n" for path in shared]
    own.joinpath("shared.pth").write_text("".join(lines))
    for command in ("meritnet", "pip", "pytest"):
        script = folder / "bin" / command
        script.write_text(f'#!/bin/sh\nexec "{python}" -m {command} "$@"\n')
        script.chmod(0o755)
    variables = {
        **os.environ,
        "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # pip reads it as the answer to "isolate?"
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return Environment(str(python), variables)
