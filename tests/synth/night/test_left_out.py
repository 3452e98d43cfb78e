"""What a night's sources leave out: said by row and reason, kept without its text."""

import json

from storage.lake import nights
from storage.lake.overview import Overview
from synth.night.draw import Draw, draw_night, left_out_sentences


def test_what_is_left_out_is_said_and_kept_without_its_text(lake, tmp_path):
    rows = [("What is 1?", "1"), ("what is 1", "2"), ("Is it?", ""), ("What is 1?", "1")]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps({"q": question, "a": answer}) + "\n" for question, answer in rows))
    options = {"path": str(path), "mapping": {"question": "q", "answer": "a"}}
    draw = Draw("mine", "file", options, limit=10, tier=None, heldout=0, validation=0, tiers=(1,))
    left_out = []
    drawn = draw_night(lake, [draw], night="2026-01-01/r", seed=0, fresh=True, drop=left_out.append)
    assert [problem.gold for problem in drawn["mine"]] == ["1"]
    assert list(left_out_sentences(left_out)) == [
        "source mine: 1 row left out, bad_gold (row 3)",
        "source mine: 1 row left out, conflicting_answer (row 2)",
        "source mine: 1 row left out, duplicate (row 4)",
    ]
    conflict = next(row for row in left_out if row.dropped.reason == "conflicting_answer")
    assert conflict.to_json() == {
        "source": "mine", "line": 2, "reason": "conflicting_answer", "kept": 1, "detail": "", "question": "what is 1",
        "gold": "2", "kept_gold": "1",
    }  # fmt: skip
    nights.commit_plan(lake, "2026-01-01/r", [], [], [row.row("2026-01-01/r") for row in left_out])
    assert Overview(lake, "2026-01-01/r").left_out() == [
        {"source": "mine", "reason": "bad_gold", "rows": 1, "lines": ["3"]},
        {"source": "mine", "reason": "conflicting_answer", "rows": 1, "lines": ["2 (1)"]},
        {"source": "mine", "reason": "duplicate", "rows": 1, "lines": ["4 (1)"]},
    ]
