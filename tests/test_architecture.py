"""The rules of the tree that a machine can hold: import directions, sizes, names, no catch-alls."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("consensus", "chain", "subnets", "miner", "validator")
SOURCES = [
    path
    for package in (*PACKAGES, "src/meritnet/cli", "src/meritnet/lab", "src/meritnet/localnet")
    for path in sorted((ROOT / package).rglob("*.py"))
] + sorted((ROOT / "src/meritnet").glob("*.py"))
MAX_FILE_LINES = 500
MAX_PALLET_LIB_LINES = 700
MAX_FUNCTION_LINES = 60

# What each package may import of ours, besides itself.
ALLOWED = {
    "consensus": (),
    "chain": (),
    "subnets": ("chain.types", "chain.keys", "chain.errors"),
    "miner": ("subnets", "chain.client", "chain.types", "chain.keys", "chain.errors"),
    "validator": ("subnets", "chain.client", "chain.types", "chain.keys", "chain.errors", "consensus"),
}
HEAVY = {"torch", "transformers", "peft"}


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name(path)}: relative import"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(module: str, prefixes: tuple[str, ...]) -> bool:
    return any(module == prefix or module.startswith(prefix + ".") for prefix in prefixes)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_what_it_may(package: str) -> None:
    allowed = tuple(f"meritnet.{prefix}" for prefix in (package, *ALLOWED[package]))
    parents = {prefix.rsplit(".", 1)[0] for prefix in allowed} | {"meritnet.__version__"}
    for path in sorted((ROOT / package).rglob("*.py")):
        for module in imports(path):
            if module.split(".")[0] == "meritnet" and module not in parents:
                assert within(module, allowed), f"{name(path)} imports {module}"


def test_the_client_does_not_know_the_node() -> None:
    for path in sorted((ROOT / "chain/client").rglob("*.py")):
        assert not [m for m in imports(path) if within(m, ("meritnet.chain.node", "meritnet.chain.host"))], (
            path
        )


def test_the_host_knows_no_clock_no_randomness_and_no_socket() -> None:
    # Deadlines need a clock: they end a call with an error and never change what it returns.
    deadlines = ROOT / "chain/host/engine.py"
    for path in sorted((ROOT / "chain/host").rglob("*.py")):
        loaded = {module.split(".")[0] for module in imports(path)}
        assert not loaded & {"random", "secrets", "socket", "asyncio"}, name(path)
        assert "time" not in loaded or path == deadlines, name(path)


def test_torch_is_imported_only_where_models_are() -> None:
    for path in SOURCES:
        relative = name(path)
        kind_folder = re.match(r"subnets/\w+/", relative) is not None
        if not kind_folder and relative != "miner/finetune.py":
            assert not {m.split(".")[0] for m in imports(path)} & HEAVY, relative


def test_files_and_functions_stay_small() -> None:
    for path in SOURCES:
        text = path.read_text()
        assert text.count("\n") <= MAX_FILE_LINES, f"{name(path)} has {text.count(chr(10))} lines"
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                first = body[0].lineno if body else node.lineno
                length = (node.end_lineno or first) - first + 1
                assert length <= MAX_FUNCTION_LINES, (
                    f"{name(path)}:{node.lineno} {node.name} has {length} lines"
                )


def test_rust_files_stay_small() -> None:
    for path in sorted((ROOT / "chain").rglob("*.rs")):
        if "target" in path.parts:
            continue  # what somebody built there
        limit = MAX_PALLET_LIB_LINES if path.name == "lib.rs" else MAX_FILE_LINES
        assert path.read_text().count("\n") <= limit, name(path)


def test_every_module_says_what_it_is() -> None:
    for path in SOURCES:
        assert ast.get_docstring(ast.parse(path.read_text())), f"{name(path)} has no docstring"


def test_no_module_is_a_drawer() -> None:
    drawers = {"utils", "util", "helpers", "helper", "common", "misc_utils", "manager"}
    assert not [name(path) for path in SOURCES if path.stem in drawers]


def test_nothing_is_unpickled() -> None:
    for path in SOURCES:
        assert not {m.split(".")[0] for m in imports(path)} & {
            "pickle",
            "dill",
            "joblib",
            "marshal",
            "shelve",
        }, path
        calls = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Attribute)]
        assert not [n for n in calls if ast.unparse(n) == "torch.load"], name(path)


def test_a_test_file_has_a_name_of_its_own() -> None:
    stems = [path.stem for path in (ROOT / "tests").rglob("test_*.py")]
    assert len(stems) == len(set(stems)), sorted(stem for stem in set(stems) if stems.count(stem) > 1)
