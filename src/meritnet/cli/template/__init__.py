"""A new subnet as a package of its own: messages, both roles, tests that pass, and what pip needs.

The code and the tests are modules here, tested with the rest; writing a subnet copies them under its name.
"""

import re
import sys
from importlib.resources import files
from keyword import iskeyword
from pathlib import Path

from meritnet.chain.errors import UsageError
from meritnet.subnets.registry import BUILT_IN

_PROJECT = """[build-system]
requires = ["setuptools>=80"]
build-backend = "setuptools.build_meta"

[project]
name = "{name}"
version = "0.1.0"
description = "A subnet for Meritnet"
requires-python = ">=3.11"
dependencies = ["meritnet"]

[project.optional-dependencies]
dev = ["pytest>=9"]

[project.entry-points."meritnet.subnets"]
{name} = "{name}:subnet"

[tool.setuptools]
packages = ["{name}"]

[tool.pytest.ini_options]
pythonpath = ["."]
"""

_README = """# {name}

A subnet for Meritnet: a validator draws ten numbers from the step's seed, a miner adds them.

| file | says |
|---|---|
| `{name}/messages.py` | what the two say to each other, and what is refused |
| `{name}/miner.py` | how a miner answers |
| `{name}/validator.py` | what a validator asks, and what an answer is worth |
| `{name}/__init__.py` | the kind: its name, both roles, its hyperparameters |
| `tests/test_{name}.py` | that the scoring keeps the rules and a chain pays by it |

    pytest -q                                     # before anything else
    pip install -e .                              # now every command knows the kind
    meritnet up --subnet {name}                   # the whole loop, live
    meritnet subnet register --kind {name} --wallet me

**How it is scored.** A right sum is worth 1, any other answer 0.
"""

TAKEN = sys.stdlib_module_names | BUILT_IN.keys() | {"meritnet", "tests"}
"""Names of packages that are there already."""

_MODULES = ("__init__.py", "messages.py", "miner.py", "validator.py")


def write(name: str, directory: Path) -> list[Path]:
    """Write a new subnet into ``directory/name``; the files written.

    Raises ``UsageError`` for a name that no new package can have, and where something of that name stands.
    """
    if re.fullmatch(r"[a-z][a-z0-9_]{0,49}", name) is None:
        raise UsageError(f"{name!r} is no name for a subnet", "use small letters, digits and '_'")
    if name in TAKEN or iskeyword(name):
        raise UsageError(f"{name!r} means something else in Python or here", "choose another name")
    folder = directory / name
    if folder.exists():
        raise UsageError(f"{folder} exists already", "choose another name or directory")
    contents = {
        "pyproject.toml": _PROJECT.format(name=name),
        "README.md": _README.format(name=name),
        **{f"{name}/{module}": _renamed(f"sums/{module}", name) for module in _MODULES},
        f"tests/test_{name}.py": _renamed("checks.py", name),
    }
    try:
        for relative, text in contents.items():
            path = folder / relative
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{folder} cannot be written: {error.strerror}") from None
    return [folder / relative for relative in contents]


def _renamed(file: str, name: str) -> str:
    """A module of the template under the new name."""
    text = files("meritnet.cli.template").joinpath(file).read_text(encoding="utf-8")
    title = "".join(part.capitalize() for part in name.split("_"))
    text = text.replace("meritnet.cli.template.sums", name)
    return text.replace("Sums", title).replace("sums", name)
