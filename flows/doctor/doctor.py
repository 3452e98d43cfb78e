"""`nightschool doctor`: whether everything a night needs is there. Each finding is a line with what to do about it.

Looks, and changes nothing. Fast: asks no model and imports neither torch nor transformers unless `deep`. No credential is shown.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from flows.doctor.finding import Finding, fail
from flows.doctor.machine import check_disk, check_environment, check_gpu, check_sandbox, check_torch, check_versions
from flows.doctor.models import check_recipe, check_vllm
from flows.doctor.prefect import check_prefect
from flows.doctor.workspace import workspace_checks
from storage.errors import NightschoolError
from synth.engines.http_json import masked

Check = Callable[[], Iterator[Finding]]


def examine(root: Path, recipe: Path | None = None, *, deep: bool = False) -> list[Finding]:
    """Look at everything and return the findings.

    Args:
        root: Folder of the workspace; it need not exist yet.
        recipe: A recipe whose models are looked at too.
        deep: Also import torch and say which device it would train on (some seconds).
    """
    checks: list[tuple[str, Check]] = [
        ("environment", check_environment),
        ("versions", check_versions),
        ("Prefect", lambda: check_prefect(root)),
        *workspace_checks(root),
        ("disk", lambda: check_disk(root)),
        ("GPU", check_gpu),
        ("vLLM", check_vllm),
        ("sandbox", check_sandbox),
    ]
    if recipe is not None:
        checks.append(("recipe", lambda: check_recipe(recipe)))
    if deep:
        checks.append(("torch", check_torch))
    return run_checks(checks)


def run_checks(checks: Sequence[tuple[str, Check]]) -> list[Finding]:
    """Run checks in turn, each under the name of its part; one that breaks is a finding itself, and the next is run."""
    findings: list[Finding] = []
    for part, check in checks:
        try:
            findings += check()
        except NightschoolError as error:
            findings.append(fail(part, masked(str(error))))
        except Exception as error:  # the doctor must get to the end, and says what broke
            state = masked(f"the check broke: {type(error).__name__}: {error}")
            findings.append(fail(part, state, "report it as a bug"))
    return findings


def print_findings(findings: Sequence[Finding]) -> None:
    """Print findings for people."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from flows.report.terminal import inert

    table = Table.grid(padding=(0, 2))
    styles = {"ok": "green", "warn": "yellow", "fail": "bold red"}
    for finding in findings:
        text = inert(finding.state)
        if finding.remedy:
            text.append_text(inert(f"\n{finding.remedy}", "italic"))
        table.add_row(Text(finding.level, style=styles[finding.level]), Text(finding.part), text)
    Console().print(table)
