"""The decision: accepted or rejected, from what the filters observed, by a policy per method.

By default every filter must pass, and `unknown` is no pass (contract: unverifiable is never counted as correct). A
method whose rows may be wrong on purpose only observes a filter:

    policy:
      knights_knaves: {observe: [answer]}   # warm-up keeps wrong chains too (arXiv:2505.13718)
      tutorship: {reviews: require}         # nothing of it is released before a person has accepted it
"""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from filters.base import VERDICTS, unknown_filter
from filters.validated import validated
from storage.errors import RecipeError
from storage.ids import digest
from storage.unknown_names import unknown

NAME = "policy"
VERSION = "1"
BY_PEOPLE = "reviews"
"""Stands where a filter does in the reason of a row that no filter rejects and people keep out."""

ORDER = (
    "attempt",
    "method_rejection",
    "structure",
    "length",
    "repetition",
    "language",
    "web_quality",
    "gold_source",
    "teacher_license",
    "answer",
    "answer_format",
    "decontamination",
    "exact_duplicates",
    "near_duplicates",
    "paraphrases",
    "novelty",
    "perplexity",
    "rubric",
    "difficulty",
    "share",
    "caps",
)
"""The first of these that does not pass gives the reason; other filters follow, by name."""


class Policy(BaseModel):
    """What is asked of the rows of one method."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    observe: frozenset[str] = Field(default=frozenset(), description="Filters that are recorded but do not reject.")
    accept_unknown: frozenset[str] = Field(default=frozenset(), description="Filters whose `unknown` does not reject.")

    reviews: Literal["ignore", "respect", "require"] = Field(
        default="ignore",
        description="What people say of rows that every filter lets in: `respect` keeps out what one of them rejects, "
        "`require` also what nobody has accepted yet.",
    )

    def kept_out(self, verdict: str | None) -> str | None:
        """Return why people keep out a row that every filter lets in; None where they do not.

        Args:
            verdict: What they say of it together, `accept` or `reject`; None where nobody reviewed it.
        """
        if self.reviews == "ignore" or verdict == "accept":
            return None
        if verdict == "reject":
            return f"{BY_PEOPLE}:rejected"
        return f"{BY_PEOPLE}:missing" if self.reviews == "require" else None

    def refuses(self, name: str, outcome: str) -> bool:
        """Whether a filter's outcome rejects a row."""
        if name in self.observe or outcome == "pass":
            return False
        return not (outcome == "unknown" and name in self.accept_unknown)


@dataclass(frozen=True)
class Policies:
    """The policies of a night.

    Attributes:
        methods: Policies by method.
        default: The policy of every other method.
    """

    methods: Mapping[str, Policy] = field(default_factory=dict)
    default: Policy = field(default_factory=lambda: Policy())

    def of(self, method: str) -> Policy:
        """Return the policy of a method."""
        return self.methods.get(method, self.default)

    @property
    def version(self) -> str:
        """Version of the rule and digest of the policies, as it stands in the verdicts."""
        named = [*self.methods.items(), ("", self.default)]
        plain: dict[str, Any] = {name: _plain(policy) for name, policy in named}
        for name, policy in named:
            if policy.reviews != "ignore":
                plain[name] = {**plain[name], "reviews": policy.reviews}
        return f"{VERSION}+{digest(plain, length=8)}"


def _plain(policy: Policy) -> dict[str, list[str]]:
    return {name: sorted(getattr(policy, name)) for name in ("observe", "accept_unknown")}


def read_policies(
    given: Mapping[str, Any],
    *,
    methods: Iterable[str],
    filters: Iterable[str],
    observes: Mapping[str, Iterable[str]] | None = None,
) -> Policies:
    """Read the policies of a recipe: a mapping from method, or `default`, to a policy.

    Args:
        given: What the recipe says, for example `{"knights_knaves": {"observe": ["answer"]}}`.
        methods: Names of the methods there are.
        filters: Names of the filters there are.
        observes: What each method observes by itself (`Method.observes`), for methods the recipe says nothing about.

    Raises:
        RecipeError: A method, filter or key is unknown; the message has the nearest.
    """
    known_methods, known_filters = {*methods, "default"}, set(filters)
    policies = {name: Policy(observe=frozenset(names)) for name, names in (observes or {}).items() if set(names)}
    for method, raw in given.items():
        if method not in known_methods:
            raise RecipeError(f"policy.{method}: {unknown('method', method, known_methods)}")
        policies[method] = _read(method, raw)
    for method, policy in policies.items():
        for key, names in _plain(policy).items():
            for name in names:
                if name not in known_filters:
                    raise RecipeError(f"policy.{method}.{key}: {unknown_filter(name, known_filters)}")
    return Policies(
        {name: item for name, item in policies.items() if name != "default"}, policies.get("default", Policy())
    )


def _read(method: str, raw: object) -> Policy:
    for key in raw if isinstance(raw, Mapping) else ():
        if key not in Policy.model_fields:
            raise RecipeError(f"policy.{method}: {unknown('key', str(key), Policy.model_fields)}")
    return validated(Policy, raw, f"policy.{method}")


def decide(
    samples: pa.Table,
    verdicts: pa.Table,
    policies: Policies | None = None,
    *,
    filters: Sequence[str] = (),
    reviews: Mapping[str, str] | None = None,
) -> pa.Table:
    """Decide on every sample.

    Args:
        samples: The rows to decide on (`sample_id`, `method`).
        verdicts: What the filters said. Of several verdicts of one filter on one row the last holds.
        policies: The policies of the night; None is the default policy for every method.
        filters: Filters that each row must have a verdict of, besides those that occur in `verdicts`.
        reviews: What people say of rows, `accept` or `reject` by sample id.

    Returns:
        One row per sample in the form of a verdict: filter `policy`, outcome `accepted` or `rejected`, and the first
        filter that refused with its reason, for example `answer:wrong_answer` (`answer:missing` without a verdict);
        `reviews:rejected` or `reviews:missing` where only people keep it out.
    """
    policies, people = policies or Policies(), reviews or {}
    version = policies.version
    methods = dict(zip(samples["sample_id"].to_pylist(), samples["method"].to_pylist(), strict=True))
    refused = {
        sample_id: reason or policies.of(methods[sample_id] or "").kept_out(people.get(sample_id))
        for sample_id, reason in _refusals(samples, verdicts, policies, filters)
    }
    rows = [
        {
            "sample_id": sample_id,
            "filter": NAME,
            "version": version,
            "outcome": "rejected" if reason else "accepted",
            "reason": reason,
        }
        for sample_id, reason in refused.items()
    ]
    return pa.Table.from_pylist(rows, schema=VERDICTS)


def eligible(
    samples: pa.Table, verdicts: pa.Table, policies: Policies | None = None, *, filters: Sequence[str] = ()
) -> frozenset[str]:
    """Return the ids of the rows that no verdict so far rejects: those that may stand for their duplicates.

    Each row must have a verdict of the `filters`, besides those that occur in `verdicts`.
    """
    refusals = _refusals(samples, verdicts, policies or Policies(), filters)
    return frozenset(sys.intern(sample_id) for sample_id, reason in refusals if reason is None)


def _refusals(
    samples: pa.Table, verdicts: pa.Table, policies: Policies, filters: Sequence[str] = ()
) -> Iterator[tuple[str, str | None]]:
    """Yield each sample with the first filter that refuses it and its reason, None where none does."""
    by_sample = _by_sample(verdicts)
    required = _ordered({*filters, *(name for names in by_sample.values() for name in names)})
    for sample_id, method in zip(samples["sample_id"].to_pylist(), samples["method"].to_pylist(), strict=True):
        yield sample_id, _refusal(policies.of(method or ""), by_sample.get(sample_id, {}), required)


def _by_sample(verdicts: pa.Table) -> dict[str, dict[str, tuple[str, str | None]]]:
    by_sample: dict[str, dict[str, tuple[str, str | None]]] = {}
    columns = [verdicts[name].to_pylist() for name in ("sample_id", "filter", "outcome", "reason")]
    for sample_id, name, outcome, reason in zip(*columns, strict=True):
        if name != NAME:
            by_sample.setdefault(sample_id, {})[name] = (outcome, reason)
    return by_sample


def _ordered(names: Iterable[str]) -> list[str]:
    rank = {name: index for index, name in enumerate(ORDER)}
    return sorted(set(names), key=lambda name: (rank.get(name, len(ORDER)), name))


def _refusal(policy: Policy, outcomes: Mapping[str, tuple[str, str | None]], required: Sequence[str]) -> str | None:
    for name in required:
        outcome, reason = outcomes.get(name, ("missing", None))
        if policy.refuses(name, outcome):
            return f"{name}:{reason or outcome}"
    return None
