"""Which commands the pages show, and that the long run of the first hour knows what to do with each."""

import os
import re

from stress import first_hour
from tests.doc_commands import START, commands, files

UNTIL_CTRL_C = r"nightschool (ui|up(?! --status)|serve-model)\b|prefect (server|worker) start"


def test_the_first_hour_knows_every_command_of_the_start_pages():
    """A command that runs until Ctrl-C must be listed as such, else the long test would wait for its end."""
    lines = [command for page in START for command in commands(page)]
    assert len(lines) >= 50
    forever = [line for line in lines if re.match(UNTIL_CTRL_C, line)]
    assert forever and all(any(first_hour.classify(line)) for line in forever)
    assert not any(first_hour.classify("nightschool report --open"))


def test_the_files_of_the_start_pages_are_found():
    written = {name for page in START for name in files(page)}
    assert {"mine.jsonl", "mine.yaml", "own.yaml"} <= written


def test_what_runs_until_ctrl_c_is_seen_up_also_when_it_says_several_things_at_once(tmp_path):
    shell = first_hour.Shell(tmp_path, {**os.environ})
    says = "import time; print('window: open\\nup: http\\nmore', flush=True); time.sleep(300)"
    status, text = shell.serve(f'python3 -c "{says}"', "up: http", stay=False)
    assert status == 0 and text.endswith("up: http\n")
