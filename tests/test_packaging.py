"""What an installed Meritnet puts on a machine, and what starting it costs."""

import ast
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import packages_distributions, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
LINKS = ("chain", "consensus", "miner", "subnets", "validator")


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=60, check=True
    )


@pytest.mark.parametrize("folder", LINKS)
def test_the_package_links_to_the_top_folder(folder: str) -> None:
    link = ROOT / "src/meritnet" / folder
    assert link.is_symlink()
    assert os.readlink(link) == f"../../{folder}"


def test_importing_meritnet_loads_nothing_heavy() -> None:
    loaded = python("-c", "import sys, meritnet; print(*sorted(sys.modules))").stdout.split()
    assert not set(loaded) & {"torch", "numpy", "aiohttp", "substrateinterface", "typer"}


def test_help_loads_no_model_and_no_chain() -> None:
    program = (
        "import sys\nfrom meritnet.cli.app import main\nsys.argv = ['meritnet', '--help']\n"
        "try:\n    main()\nexcept SystemExit as stop:\n    assert not stop.code, stop.code\n"
        "print('LOADED', *sorted(sys.modules))"
    )
    output = python("-c", program).stdout
    loaded = set(output.rsplit("LOADED", 1)[1].split())
    assert "Usage" in output
    assert not loaded & {
        "torch",
        "transformers",
        "peft",
        "numpy",
        "scipy",
        "aiohttp",
        "substrateinterface",
        "wasmtime",
        "opentelemetry",
    }


def test_the_version_stands_in_one_place_and_the_changelog_knows_it() -> None:
    import meritnet

    declared = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert declared is not None
    assert declared[1] == meritnet.__version__
    assert f"## {meritnet.__version__}" in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.slow
def test_the_wheel_holds_meritnet_and_the_runtime_only(tmp_path: Path) -> None:
    python(
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        str(tmp_path),
        str(ROOT),
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {n.split("/")[0] for n in names if ".dist-info" not in n} == {"meritnet"}
    assert "meritnet/chain/wasm/runtime.wasm.zst" in names
    assert "meritnet/chain/wasm/SOURCE.json" in names
    assert not [n for n in names if n.endswith(".rs") or "/tests/" in n]


def test_everything_imported_is_a_declared_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {re.split(r"[<>=\[ ]", line)[0].lower() for line in project["dependencies"]}
    provided_by = packages_distributions()
    extra = {ROOT / "subnets/otel.py": {"opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http"}}
    for names in extra.values():
        assert names == {re.split(r"[<>=]", line)[0] for line in project["optional-dependencies"]["otel"]}
    # Loaded by pytest, so it is there: our plugin, and the tests that `meritnet subnet new` writes.
    tests = {ROOT / "chain/testing.py", *(ROOT / "src/meritnet/cli/template").rglob("*.py")}
    for folder in (*LINKS, "src/meritnet/cli", "src/meritnet/lab", "src/meritnet/localnet"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for root in third_party(path) - ({"pytest"} if path in tests else set()):
                packages = {name.lower().replace("_", "-") for name in provided_by.get(root, [])}
                assert packages & (declared | extra.get(path, set())), (
                    f"{path.name} imports {root}: declare one of {packages}"
                )


def test_this_environment_is_the_locked_one_and_the_lock_is_within_what_is_declared() -> None:
    """An upgrade is a change of constraints.txt (`make lock`), never a surprise on a fresh machine."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    locked = {canonicalize_name(name): version for name, version in (line.split("==") for line in lines)}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    for requirement in map(Requirement, wanted):
        assert locked[canonicalize_name(requirement.name)] in requirement.specifier, str(requirement)
        assert version(requirement.name) == locked[canonicalize_name(requirement.name)]


def third_party(path: Path) -> set[str]:
    """The top-level modules a file imports that are neither Python's nor ours."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module).split(".")[0])
    return found - sys.stdlib_module_names - {"meritnet"}
