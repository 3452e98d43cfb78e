"""The table of rates in docs/scale.md, made from the kept results.

python -m benchmarks.shared.rates docs/scale.md     writes it between its two marks
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.shared.results import last

BEGIN, END = "<!-- rates: made by benchmarks/shared/rates.py -->", "<!-- end of rates -->"
NIGHT = 10_000_000
"""Rows of the night that the last column is about."""


def rates() -> Iterator[tuple[str, str, float, str]]:
    """What is done, rows of a night per unit, units per second, and where it stands and in what seconds."""
    curation, lake, generation = last("curation"), last("lake"), last("generation")
    paraphrases = last("paraphrases")
    detail, append = curation["detail"], lake["detail"]["append_cpu_s"]
    client = 1000 / generation["client_cpu"]["ms_per_request"]["ours"]
    yield "client", "2 calls a row", client / 2, "CPU, `generation.json`, `client_cpu`"
    ours = detail["documents_per_cpu_s"]["ours"]
    characters = f"texts of {detail['median_characters']} characters, the median"
    yield "signatures for duplicates", characters, ours["signatures"], "CPU, `curation.json`"
    yield "near duplicates, signatures included", characters, ours["dedup"], "CPU, `curation.json`"
    leaks = detail["decontamination"]["ours_per_cpu_s"]
    yield "benchmark leaks", "what is flagged is not read again", leaks, "CPU, `curation.json`"
    if "paraphrase_ms" in paraphrases:
        yield (
            "near problems",
            "static embedding, no judge",
            1000 / paraphrases["paraphrase_ms"],
            "CPU, `paraphrases.json`",
        )
    yield (
        "quality rules",
        "`repetition`, verdicts included",
        detail["quality"]["ours_per_cpu_s"],
        "CPU, `curation.json`",
    )
    verified = detail["verification"]["ours_per_cpu_s"]
    count = detail["verification"]["answers"]
    yield "answers verified", f"{count:,} answers", verified, "CPU, `curation.json`"
    per_commit = lake["detail"]["rows"] / lake["detail"]["commits"]
    commit = per_commit / median(append["last"])
    yield "commit", f"the last of {lake['detail']['commits']} commits of {per_commit:,.0f}", commit, "CPU, `lake.json`"
    release = last("releasing")["release_rows_per_s"]
    yield "release, sorted and hashed", "1,000,000 rows, two cores", release, "clock, `releasing.json`"


def table() -> str:
    """Return the table as Markdown."""
    head = f"| what | of what | rows a second | seconds, kept in | a night of {NIGHT:,} rows |\n|---|---|--:|---|--:|"
    rows = [
        f"| {what} | {of} | {_rounded(rate)} | {where} | {_time(NIGHT / rate)} |" for what, of, rate, where in rates()
    ]
    return "\n".join([head, *rows])


def _rounded(rate: float) -> str:
    """Three digits that count: more would differ at the next run."""
    size = 10 ** max(0, len(str(int(rate))) - 3)
    return f"{round(rate / size) * size:,}"


def _time(seconds: float) -> str:
    return f"{seconds / 60:,.1f} min" if seconds < 3600 else f"{seconds / 3600:,.1f} h"


def renewed(text: str) -> str:
    """Return a page with the table of today between its marks."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    page = Path(sys.argv[1])
    page.write_text(renewed(page.read_text(encoding="utf-8")), encoding="utf-8")
