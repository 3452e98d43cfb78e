"""The house: imports run downwards only, and the command line comes up quickly because heavy imports are late."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ORDER = ["flows", "train_stages", "filters", "synth", "storage"]
ROOMS = {
    "flows": ["cli", "maintain", "train", "nightly", "doctor", "window", "service", "night", "report", "recipe"],
    "train_stages": [
        "reference", "experiment", "plan", "stages", "promotion", "rl", "verifying", "process", "data", "config", "losses",
        "rewards", "switches", "orders", "selectors", "schedules", "optimisers", "regularisers", "transforms", "masks", "models",
    ],
    "filters": ["night", "asking", "rules", "leaks", "duplicates", "compiled"],
    "synth": [
        "night", "imports", "exports", "methods", "choosers", "scorers", "sample", "calls", "engines", "environments", "tools",
        "problems", "sandbox", "answers", "embeddings",
    ],
    "storage": [
        "browse", "upkeep", "takedown", "releases", "sql", "history", "models", "ledger", "lake", "catalog", "views",
        "schema", "tables",
    ],
}  # fmt: skip
"""The rooms of each folder, the upper ones first. A file beside them stands where it is named, or else below them all."""
MODULES = [path for name in ORDER for path in sorted((ROOT / name).rglob("*.py"))]


def imported(path: Path) -> set[str]:
    packages = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            packages |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            packages.add(node.module.split(".")[0])
    return packages


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_downwards(path):
    floor = ORDER.index(path.relative_to(ROOT).parts[0])
    above = set(ORDER[:floor]) & imported(path)
    assert not above, f"{path.relative_to(ROOT)} imports {sorted(above)}, which stand above it"
    assert "tests" not in imported(path)


def rooms_imported(path: Path, folder: str) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == folder:
            names |= set(node.module.split(".")[1:2]) or {name.name for name in node.names}
        elif isinstance(node, ast.Import):
            parts = [name.name.split(".") for name in node.names]
            names |= {name[1] for name in parts if name[0] == folder and len(name) > 1}
    return names & set(ROOMS[folder])


@pytest.mark.parametrize("folder", ORDER)
def test_the_rooms_of_a_folder_import_downwards(folder):
    rooms = ROOMS[folder]
    for path in MODULES:
        room = path.relative_to(ROOT).with_suffix("").parts
        if room[0] == folder and room[1:] != ("__init__",):  # which only lends names
            above = rooms[: rooms.index(room[1])] if room[1] in rooms else rooms
            assert not set(above) & rooms_imported(path, folder), path.relative_to(ROOT)


@pytest.mark.parametrize("folder", ORDER)
def test_every_room_has_its_place(folder):
    rooms = {path.parent.name for path in (ROOT / folder).glob("*/__init__.py")}
    files = {path.stem for path in (ROOT / folder).glob("*.py")}
    assert rooms <= set(ROOMS[folder]) <= rooms | files
    assert not rooms & files, "a room and a file of one name"


def test_no_module_imports_itself_in_a_circle():
    """Late imports and those for types count too: they hide a circle, they do not mend it."""
    names = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in MODULES}
    graph = {}
    for name, path in names.items():
        nodes = [
            node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.ImportFrom)
        ]
        imports = {node.module for node in nodes} | {
            f"{node.module}.{alias.name}" for node in nodes for alias in node.names
        }
        graph[name] = imports & set(names)
    assert {"storage.lake.lake", "flows.night.night"} <= set(TopologicalSorter(graph).static_order())


def test_flows_hold_no_sql():
    statements = ("select ", "insert into", "create table")
    for path in (ROOT / "flows").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not node.value.lower().lstrip().startswith(statements), f"{path.name}: {node.value[:60]!r}"


@pytest.mark.parametrize("module", ["flows.cli", "storage", "synth.problems", "filters.night.curate"])
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
        outside = "extension" in path.relative_to(ROOT / "tests").parts  # a package of somebody else's
        if path.is_dir() and "__pycache__" not in path.parts and not outside:
            relative = path.relative_to(ROOT / "tests")
            assert not relative.parts or (ROOT / relative).is_dir(), relative
