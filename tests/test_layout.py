"""The house: imports run downwards only, and the command line comes up quickly because heavy imports are late."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ORDER = ["flows", "train_stages", "filters", "synth", "storage"]
STORAGE = ["upkeep", "takedown", "releases", "sql", "history", "models", "ledger", "lake", "catalog"]
"""The rooms of storage, the upper ones first; what stands beside them (errors, ids, workspace, ...) is below them all."""
MODULES = [path for name in ORDER for path in sorted((ROOT / name).rglob("*.py"))]


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_downwards(path):
    place = ORDER.index(path.relative_to(ROOT).parts[0])
    above = set(ORDER[:place]) & imported(path)
    assert not above, f"{path.relative_to(ROOT)} imports {sorted(above)}, which stand above it"
    assert "tests" not in imported(path)


def rooms_imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "storage":
            found |= set(node.module.split(".")[1:2]) or {name.name for name in node.names}
    return found & set(STORAGE)


@pytest.mark.parametrize("room", [*STORAGE, "*.py"])
def test_the_rooms_of_storage_import_downwards(room):
    above = set(STORAGE[: STORAGE.index(room)] if room in STORAGE else STORAGE)
    paths = list((ROOT / "storage").glob(room if room not in STORAGE else f"{room}/*.py"))
    assert paths
    for path in paths:
        if path != ROOT / "storage/__init__.py":  # which only lends names, when they are used
            assert not above & rooms_imported(path), path.relative_to(ROOT)


def test_every_room_of_storage_has_its_place():
    assert {path.parent.name for path in (ROOT / "storage").glob("*/__init__.py")} == set(STORAGE)


def test_no_module_imports_itself_in_a_circle():
    """Late imports and those for types count too: they hide a circle, they do not mend it."""
    names = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in MODULES}
    graph = {}
    for name, path in names.items():
        nodes = [
            node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.ImportFrom)
        ]
        found = {node.module for node in nodes} | {f"{node.module}.{one.name}" for node in nodes for one in node.names}
        graph[name] = found & set(names)
    assert {"storage.lake.lake", "flows.night"} <= set(TopologicalSorter(graph).static_order())


def test_flows_hold_no_sql():
    words = ("select ", "insert into", "create table")
    for path in (ROOT / "flows").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not node.value.lower().lstrip().startswith(words), f"{path.name}: {node.value[:60]!r}"


@pytest.mark.parametrize("module", ["flows.cli", "storage", "synth.problems", "filters.curate"])
def test_importing_is_cheap(module):
    code = f"import sys, {module}; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )
    assert not loaded & {"torch", "transformers", "trl", "prefect", "datasets", "datasketch", "scipy"}


def test_help_needs_none_of_the_heavy_packages():
    code = (
        "import sys\n"
        "from flows.cli import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit:\n    pass\n"
        "print('LOADED', *sorted({name.split('.')[0] for name in sys.modules}))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    loaded = set(out.rsplit("LOADED", 1)[1].split())
    assert not loaded & {"torch", "transformers", "trl", "prefect", "datasets", "duckdb", "pyarrow", "pydantic"}


def test_every_folder_of_tests_mirrors_a_folder():
    for path in (ROOT / "tests").rglob("*"):
        if path.is_dir() and "__pycache__" not in path.parts:
            relative = path.relative_to(ROOT / "tests")
            assert not relative.parts or (ROOT / relative).is_dir(), relative
