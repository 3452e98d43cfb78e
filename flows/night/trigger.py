"""Whether to train: a question about data, answered from the lake's figures, never from an event or a clock."""

from dataclasses import dataclass

from flows.recipe.train import WhenSpec
from storage.releases.changes import Change


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether to train, and why, in a sentence with the figures."""

    train: bool
    why: str


def decide(change: Change, when: WhenSpec) -> Decision:
    """Decide by the recipe's policy. Any one of its conditions is enough.

    A release with rows that the benchmarks no longer allow is never trained on: the next one leaves them out.

    Args:
        change: What is new since the last training.
        when: The policy, `train.when` of the recipe.
    """
    if change.release is None:
        return Decision(False, "not trained: there is no release yet")
    if not change.rows:
        return Decision(False, f"not trained: {change.release} has no rows that a stage of `train.plan` selects")
    if change.stale:
        return Decision(
            False,
            f"not trained: {change.stale:,} rows of {change.release} hold a benchmark item by now; "
            "the next release leaves them out",
        )
    since = f"since {change.trained} was trained on" if change.trained else "and nothing was trained on yet"
    met: list[str] = []
    unmet: list[str] = []
    for name, value, bound, sentence in (
        ("min_new_rows", change.new_rows, when.rows, f"{change.new_rows:,} rows of {change.release} are new {since}"),
        ("min_new_tokens", change.new_words, when.min_new_tokens, f"{change.new_words:,} words are new {since}"),
        ("max_drift", change.drift, when.max_drift, f"the mixture drifted by {change.drift or 0:.3f}"),
    ):
        if bound is None or value is None:
            continue
        reached = value > bound if name == "max_drift" else value >= bound
        (met if reached else unmet).append(f"{sentence} (train.when.{name} is {bound:,})")
    if when.benchmarks and change.disallowed:
        met.append(f"{change.disallowed:,} rows of the last training hold a benchmark item by now")
    return Decision(True, "; ".join(met)) if met else Decision(False, "not trained: " + "; ".join(unmet))
