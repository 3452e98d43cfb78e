"""The table of methods of training against their controls in docs/experiments.md, made from the kept results.

python -m benchmarks.shared.comparisons docs/experiments.md     writes it between its two marks

A difference is shown where its interval does not hold zero. A benchmark that was not run has no line.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.shared.results import last

BEGIN, END = "<!-- comparisons: made by benchmarks/shared/comparisons.py -->", "<!-- end of comparisons -->"
DIFFERENCES: dict[str, dict[str, str]] = {
    "warming": {
        "warm_rl_minus_rl_greedy": "puzzles, then RL, against RL alone; greedy",
        "warm_rl_minus_rl_sampled": "the same; avg@4",
        "warm_rl_minus_sft_greedy": "puzzles, then RL, against SFT on as many tokens; greedy",
        "warm_rl_minus_sft_sampled": "the same; avg@4",
        "rl_minus_start_greedy": "RL alone against its start; greedy",
        "rl_minus_start_sampled": "the same; avg@4",
    },
    "distilling": {
        "distil_vs_sft": "distillation on own responses against SFT on the teacher's texts; greedy",
        "distil_vs_student": "distillation against its start; greedy",
        "sft_vs_student": "SFT against its start; greedy",
    },
    "switching": {
        "sasr_minus_half_greedy": "SASR against a fixed half of supervised steps; greedy",
        "sasr_minus_sft_greedy": "SASR against supervised steps only; greedy",
        "sasr_minus_rl_greedy": "SASR against RL only; greedy",
        "rl_minus_start_greedy": "RL only against its start; greedy",
        "sft_minus_start_greedy": "supervised steps only against their start; greedy",
    },
    "reflecting": {
        "reflection_minus_permuted": "rewarded reflections against permuted rewards; second tries",
        "reflection_minus_start": "rewarded reflections against their start; second tries",
        "all_minus_start": "every reply rewarded against its start; second tries",
    },
    "verifiers": {
        "best_of_8_gain_orm": "best of 8 by a verifier of answers against a random choice",
        "best_of_8_gain_prm": "the same by a verifier of steps",
        "best_of_8_gain_likra": "the same by Likra's two models",
        "best_of_8_gain_shuffled": "the same by a verifier that learned shuffled labels",
        "best_of_8_gain_majority": "the same by a vote",
    },
    "constitutions": {
        "sami_minus_by_lot": "SAMI against principles by lot; answers in the form asked for",
        "sami_minus_sft": "SAMI against SFT on the same answers; the same",
        "sami_minus_start_right": "SAMI against its start; right answers",
    },
}
"""The figures of each result: mean of the differences over the seeds, and their 95 % interval."""


def rows() -> Iterator[str]:
    """The lines of the table."""
    for name, figures in DIFFERENCES.items():
        result = last(name)
        for figure, words in figures.items():
            if len(result.get(figure, ())) != 3:
                continue  # not run yet, or by a single seed
            mean, low, high = result[figure]
            numbers = f"{len(result['by_seed'])} | {mean:+.3f} | [{low:+.3f}, {high:+.3f}]"
            yield f"| `{name}` | {words} | {numbers} | {verdict(low, high)} |"


def verdict(low: float, high: float) -> str:
    """What an interval of a difference shows."""
    return "better" if low > 0 else "worse" if high < 0 else "no difference shown"


def table() -> str:
    """Return the table as Markdown."""
    head = "| benchmark | what | seeds | difference | 95 % interval | |\n|---|---|--:|--:|--:|---|"
    return "\n".join([head, *rows()])


def renewed(text: str) -> str:
    """Return a page with the table of today between its marks."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    page = Path(sys.argv[1])
    page.write_text(renewed(page.read_text(encoding="utf-8")), encoding="utf-8")
