"""Arguments that no command could use."""

import sys

import pytest

from flows.cli import main


@pytest.mark.parametrize("arguments", [["why", "a\udcff"], ["plan", "\udcfe.yaml"], ["lake", "takedown", "x\ud800"]])
def test_bytes_that_are_no_text_are_a_sentence(monkeypatch, capsys, arguments):
    monkeypatch.setattr(sys, "argv", ["nightschool", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2 and "is no UTF-8" in capsys.readouterr().err
