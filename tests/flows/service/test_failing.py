"""What a failed run tells people to do next; that it stands on the run's page is seen in `tests/flows/report/test_artifacts.py`."""

import pytest
import yaml

from filters.night.alarms import AlarmError
from flows.recipe.recipe import load_recipe
from flows.service.failing import next_command
from storage.errors import ModelServerError, PinError
from tests.flows.test_training import TINY


@pytest.mark.parametrize(
    ("error", "command"),
    [
        (AlarmError("too much"), "nightschool alarms accept 2026-01-01/tiny --because ... --workspace {root}"),
        (
            ModelServerError("away"),
            "nightschool run {file} --date 2026-01-01 --set problems.limit=5 --workspace {root}",
        ),
        (
            PinError("other"),
            "nightschool run {file} --date 2026-01-01 --set problems.limit=5 --workspace {root} --repin",
        ),
    ],
)
def test_the_next_command_is_whole(tmp_path, workspace, error, command):
    file = tmp_path / "tiny.yaml"
    file.write_text(yaml.safe_dump(TINY))
    recipe = load_recipe(file, ["problems.limit=5"])
    expected = command.format(root=workspace.root, file=file.resolve())
    assert next_command(error, recipe, "2026-01-01", workspace) == expected


def test_a_password_in_a_setting_is_not_shown(tmp_path):
    file = tmp_path / "tiny.yaml"
    file.write_text(yaml.safe_dump(TINY))
    command = load_recipe(file, ["description=http://me:secret@host/v1"]).command("2026-01-01")
    assert "secret" not in command and "http://me:***@host/v1" in command
