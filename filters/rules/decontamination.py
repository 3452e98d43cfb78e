"""Whether a row holds a benchmark item, or an item of our own evaluation sets. Blocks, whatever else is good about it.

The first of these rules that applies is the reason; prompts, attempts, answers and plain text are all looked at:

- `structure`: the problem has the canonical structure of a held-out or benchmark problem;
- `exact_match`: the problem is a benchmark prompt, up to case, punctuation and compatibility characters;
- `contains_item`: a whole benchmark prompt (four words or more) stands inside a text;
- `reordered`: every sentence of a benchmark prompt stands in one text, in any order; or a text has the very words and
  numbers of one, its clauses moved;
- `ngram_8`: more than half of a benchmark prompt's 8-grams;
- `ngram_13`: 13 words in a row of a benchmark prompt;
- `solution`: more than half of the 8-grams of a benchmark's worked solution.

The last three do not apply when the numbers differ: a problem that only took over a benchmark's wording is another
problem. It passes, and the detail names the item (`template_match`), unless the recipe wants it rejected. Where a whole
item is explained like that, 13 words that a variant of the item has too (SVAMP holds many) are no leak of the variant.

Texts are compared in one wording: a number is the same in digits of any script, in words, as percent or fraction, LaTeX
and HTML signs are plain ones, characters without width are not there (`filters.leaks.wording`).

Not covered: paraphrases that keep neither eight words in a row nor a sentence (`filters.asking.paraphrases` looks for
them), and translations.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Literal

import numpy as np
from pydantic import Field

from filters import compiled
from filters.base import PASS, Context, Finding, Options, batch_filter, fail
from filters.benchmarks import BenchmarkManifest, Item, heldout_items
from filters.leaks.benchmark_index import GRAM, BenchmarkIndex, View
from filters.leaks.screen import Screen
from filters.rows import Row, texts
from filters.text import ngrams


class DecontaminationOptions(Options):
    """Options of `decontamination`."""

    coverage: float = Field(
        default=0.5,
        ge=0,
        lt=1,
        description="Share of an item's 8-grams above which it counts as held (Tulu 3, arXiv:2411.15124).",
    )
    solution_coverage: float = Field(
        default=0.5, ge=0, lt=1, description="The same for worked solutions. Our own choice."
    )
    template_match: Literal["pass", "fail"] = Field(
        default="pass",
        description="What becomes of a problem that is an item's but for its numbers; `pass` names the item in the detail.",
    )
    exact_structure: frozenset[str] = Field(
        default=frozenset({"arithmetic", "knights_knaves"}),
        description="Tasks from templates: their items are found by structure and whole text, not by n-grams.",
    )


@lru_cache(maxsize=4)
def _index(manifest: BenchmarkManifest, exact_structure: frozenset[str]) -> BenchmarkIndex:
    return BenchmarkIndex(manifest.items(), exact_structure)


@lru_cache(maxsize=4)
def _heldout_index(prompts: frozenset[str]) -> BenchmarkIndex:
    return BenchmarkIndex(heldout_items(prompts), frozenset({""}), whole_only=True)


@lru_cache(maxsize=4)
def _screen(
    manifest: BenchmarkManifest | None,
    exact_structure: frozenset[str],
    prompts: frozenset[str],
    solution_coverage: float,
) -> Screen:
    return Screen(_indexes(manifest, exact_structure, prompts), solution_coverage)


def _indexes(
    manifest: BenchmarkManifest | None, exact_structure: frozenset[str], prompts: frozenset[str]
) -> list[BenchmarkIndex]:
    indexes = [_heldout_index(prompts)] if prompts else []
    return indexes if manifest is None else [*indexes, _index(manifest, exact_structure)]


@batch_filter("decontamination", version="2", options=DecontaminationOptions)
def decontamination(rows: Sequence[Row], context: Context, options: DecontaminationOptions) -> Mapping[str, Finding]:
    """The row holds no item of a benchmark or of our own evaluation sets, by text or by structure."""
    indexes = _indexes(context.manifest, options.exact_structure, context.heldout_prompts)
    look = _suspicious(rows, context, options) if indexes and rows else [True] * len(rows)
    return {
        row.sample_id: _find(row, context, options, indexes, closely=close)
        for row, close in zip(rows, look, strict=True)
    }


def _suspicious(rows: Sequence[Row], context: Context, options: DecontaminationOptions) -> list[bool]:
    """Say which rows need the closer look in Python; where no kernel is used, all."""
    row_texts = [texts(row) for row in rows]
    if not compiled.enabled(sum(len(text) for texts_ in row_texts for text in texts_)):
        return [True] * len(rows)
    screen = _screen(context.manifest, options.exact_structure, context.heldout_prompts, options.solution_coverage)
    prompts = [_prompt(row, context) for row in rows]
    flags = screen.texts(
        [text for texts_, prompt in zip(row_texts, prompts, strict=True) for text in (prompt, *texts_)]
    )
    edges = np.cumsum([0, *(len(texts_) + 1 for texts_ in row_texts)])[:-1]
    look: list[bool] = np.logical_or.reduceat(flags, edges).tolist()
    return look


def _prompt(row: Row, context: Context) -> str:
    problem = context.problems.get(row.problem_id or "")
    return problem.prompt if problem is not None else row.asked


def _find(
    row: Row, context: Context, options: DecontaminationOptions, indexes: Sequence[BenchmarkIndex], *, closely: bool
) -> Finding:
    problem = context.problems.get(row.problem_id or "")
    if problem is None and row.problem_id is not None:
        return Finding("unknown", "unknown_problem")
    structure = problem.structure_id if problem is not None else None
    if structure in context.heldout:
        return fail("structure", benchmark="heldout", item=structure)
    views = RowViews(row, _prompt(row, context)) if closely else None
    findings = []
    for index in indexes:
        if structure is not None and (number := index.structures.get(structure)) is not None:
            return _held("structure", index.items[number])
        if views is not None:
            findings.append(_whole(views, index) or _parts(views, index, options))
    failed = [finding for finding in findings if finding.outcome == "fail"]
    return next(iter(failed or [finding for finding in findings if finding.detail]), PASS)


class RowViews:
    """The texts of a row, read once.

    Attributes:
        prompt: The problem.
        views: The problem, unless another text holds it, and every other text.
        grams: The 8-grams of each of `views`.
        tokens: The tokens of each of `views`.
    """

    def __init__(self, row: Row, prompt: str) -> None:
        self.prompt = View(prompt)
        self.views = [View(text) for text in texts(row)]
        if not any(self.prompt.whole in view.whole for view in self.views):
            self.views.append(self.prompt)
        self.grams = [ngrams(view.tokens, GRAM) for view in self.views]
        self.tokens = [view.tokens for view in self.views]


def _held(rule: str, item: Item, **detail: object) -> Finding:
    return fail(rule, benchmark=item.benchmark, item=item.item, **detail)


def _whole(row: RowViews, index: BenchmarkIndex) -> Finding | None:
    """Look for whole items."""
    for view in (row.prompt, *row.views):
        if (number := index.exact.get(view.whole)) is not None:
            return _held("exact_match", index.items[number])
    for view, grams in zip(row.views, row.grams, strict=True):
        if (number := index.contained(view, grams)) is not None:
            return _held("contains_item", index.items[number])
    for view in row.views:
        if (number := index.reordered(set(view.sentences))) is not None:
            return _held("reordered", index.items[number])
    for view in (row.prompt, *row.views):
        if (number := index.reworded(view)) is not None:
            return _held("reordered", index.items[number])
    return None


def _parts(row: RowViews, index: BenchmarkIndex, options: DecontaminationOptions) -> Finding:
    """Look for large parts of items whose numbers are the same; tell of those whose numbers are not."""
    grams = {gram for of_view in row.grams for gram in of_view}
    template = index.templates.get(row.prompt.template)
    like = template
    by_13gram: Finding | None = None
    for number, share in index.prompts.coverage(grams).items():
        much = share > options.coverage
        if not much and (template is not None or not index.prompts.shares_long(number, row.tokens)):
            continue
        if index.prompts.number_changed(number, row.tokens):
            like = number if like is None else like
            if index.prompts.same_template(number, row.tokens):
                template = number
        elif much:
            return _held("ngram_8", index.items[number], coverage=round(share, 3))
        else:
            by_13gram = by_13gram or _held("ngram_13", index.items[number], coverage=round(share, 3))
    if by_13gram is not None and template is None:
        return by_13gram
    for number, share in index.solutions.coverage(grams).items():
        if share > options.solution_coverage and not index.solutions.number_changed(number, row.tokens):
            return _held("solution", index.items[number], coverage=round(share, 3))
    named = like if template is None else template
    if named is None:
        return PASS
    item = index.items[named]
    if options.template_match == "fail":
        return _held("template_match", item)
    return Finding("pass", detail={"template_match": {"benchmark": item.benchmark, "item": item.item}})
