"""What `nightschool up` deploys: the project's prefect.yaml with one recipe, workspace and schedule in it."""

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from flows.night.dates import logical_date
from flows.recipe.recipe import load_recipe
from flows.service.deployed import check_settings
from flows.service.prefect_server import prefect_client
from storage.errors import OrchestratorError, RecipeError
from storage.workspace import Workspace

CHECKOUT = Path(__file__).resolve().parent.parent.parent
POOLS = ("cpu", "gpu")
_TRIES = 3
_NOT_TO_BE_GIVEN = ("command", "env", "working_dir")
"""Job variables of a process pool that would let a run's caller choose the program, its environment or its modules."""


@dataclass(frozen=True)
class Plan:
    """What is deployed.

    Attributes:
        recipe: The recipe's file.
        settings: `key.path=value` overrides.
        cron: When the night begins; None keeps prefect.yaml's.
        timezone: Where the schedule's days begin.
        port: Port of the server; 0 takes a free one.
    """

    recipe: Path
    settings: Sequence[str] = ()
    cron: str | None = None
    timezone: str = "UTC"
    port: int = 4200

    def check(self) -> None:
        """Refuse what no night could begin with, before anything is started.

        Raises:
            RecipeError: The recipe, the schedule or the time zone cannot be used.
        """
        from prefect.client.schemas.schedules import CronSchedule

        check_settings(self.recipe, self.settings)
        load_recipe(self.recipe, self.settings)
        logical_date(None, self.timezone)
        if self.cron is not None:
            try:
                CronSchedule(cron=self.cron, timezone=self.timezone)
            except ValidationError:
                raise RecipeError(
                    f"cron {self.cron!r} is no schedule; five fields say minute, hour, day, month and weekday: "
                    "'0 1 * * *' is one o'clock every night"
                ) from None

    def deployments(self, workspace: Workspace) -> dict[str, Any]:
        """Return the project's prefect.yaml with this recipe, workspace and schedule in it.

        Raises:
            OrchestratorError: This is no checkout of the project.
        """
        file = CHECKOUT / "prefect.yaml"
        if not file.is_file():
            raise OrchestratorError(f"{file} is missing; run `nightschool up` from an installation of the checkout")
        content: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
        content.pop("definitions", None)
        for deployment in content["deployments"]:
            deployment["parameters"] = {
                **deployment["parameters"],
                "recipe": str(self.recipe.resolve()),
                "workspace": str(workspace.root),
                "settings": list(self.settings),
                "timezone": self.timezone,
            }
            for schedule in deployment["schedules"]:
                schedule["timezone"] = self.timezone
                if schedule["slug"] == "nightly" and self.cron:
                    schedule["cron"] = self.cron
                    schedule["parameters"] = {**schedule.get("parameters", {}), "cron": self.cron}
        return content


def deploy(plan: Plan, workspace: Workspace, url: str) -> None:
    """Make the work pools and the deployments, as `prefect deploy --all` does; a busy server is asked again.

    Raises:
        OrchestratorError: The server refused them.
    """
    make_pools(url)
    file = workspace.folder("prefect") / "prefect.yaml"
    file.write_text(yaml.safe_dump(plan.deployments(workspace), sort_keys=False), encoding="utf-8")
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", str(file)]
    for attempt in range(_TRIES):
        done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode == 0:
            return
        time.sleep(2.0 * (attempt + 1))
    raise OrchestratorError(f"prefect deploy failed: {(done.stderr or done.stdout).strip()[-500:]}")


def make_pools(url: str) -> None:
    """Make the work pools that are missing on a server.

    A run of theirs is started by the worker's own command, in the worker's environment: neither can be given by whoever
    asks for a run.
    """
    from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
    from prefect.exceptions import ObjectAlreadyExists
    from prefect.workers.process import ProcessWorker

    template = ProcessWorker.get_default_base_job_template()
    for name in _NOT_TO_BE_GIVEN:
        template["job_configuration"].pop(name)
        template["variables"]["properties"].pop(name)
    with prefect_client(url) as client:
        for pool in POOLS:
            try:
                client.create_work_pool(WorkPoolCreate(name=pool, type="process", base_job_template=template))
            except ObjectAlreadyExists:
                client.update_work_pool(pool, WorkPoolUpdate(base_job_template=template))
