"""A connection as the lake is read with."""

import subprocess
import sys


def test_nothing_is_drawn_into_standard_output():
    """A slow query draws a bar there, unless told not to, where Python runs without a script."""
    code = (
        "from storage.catalog.duck import connect\n"
        "print(connect().execute(\"select current_setting('enable_progress_bar')\").fetchone()[0])"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output == "False\n"
