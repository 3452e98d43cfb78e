"""An index over benchmark items that answers, for the texts of a row, which items they may hold.

Everything is looked up by text, not by a hash, so a hit is a hit. Short and templated items need care:

- an item shorter than an n-gram can only be found whole;
- items of a task with exact structure (puzzles from a template) share their n-grams with every other problem of the
  task, so they are found by structure, whole or sentence by sentence, never by n-grams;
- n-grams that many items have in common say nothing about one of them and are left out, and so are those of numbers and
  little else.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from filters.benchmarks import Item
from filters.duplicates.tokenised import MARKS
from filters.leaks.wording import one_wording, skeleton, without_markup
from filters.text import MASK, is_number, masked, ngrams, sentences

GRAM = 8
"""Words of an n-gram: 8-gram coverage as in Tulu 3 (arXiv:2411.15124, section 3.2)."""
LONG_GRAM = 13
"""A run of this many words of a problem is a match by itself (GPT-3's length, arXiv:2005.14165, appendix C)."""
FEWEST = 4
"""Fewest members of the skeleton of an n-gram that counts (`filters.leaks.wording.skeleton`). Our own choice."""
COMMON = 10
"""An 8-gram that more items than this share is a template's. Our own choice."""
SHORTEST = 4
"""Items with fewer words are only matched as a whole text. Our own choice."""
WORDS = 3
"""Fewest words (not numbers or signs) of an n-gram of a solution; `16 - 3 - 4 = 9` is no property of one item."""


class View:
    """A text as the index reads it.

    Attributes:
        tokens: Its words, in one wording (`filters.leaks.wording`).
        sentences: Its sentences, each as one normal text.
        whole: The words in one text, with a space at both ends for finding whole words.
    """

    __slots__ = ("sentences", "tokens", "whole")

    def __init__(self, text: str) -> None:
        cut = [one_wording(sentence) for sentence in sentences(MARKS.sub("", without_markup(text)))]
        self.tokens = [token for sentence in cut for token in sentence]
        self.sentences = [" ".join(sentence) for sentence in cut]
        self.whole = f" {' '.join(self.tokens)} "

    @property
    def template(self) -> str:
        """The text with its numbers masked."""
        return " ".join(masked(self.tokens))

    @property
    def bag(self) -> str:
        """The words in alphabetical order, without `and`: equal for texts whose clauses are in another order."""
        return " ".join(sorted(word for word in self.tokens if word != "and"))

    def keeps_numbers(self, other: "View") -> bool:
        """Whether each number stands beside a word that it stands beside in the other text."""
        theirs = other.beside_numbers()
        return all(not sides.isdisjoint(theirs.get(number, ())) for number, sides in self.beside_numbers().items())

    def beside_numbers(self) -> dict[str, set[tuple[str, str]]]:
        """For each number, what stands before and behind it."""
        beside: dict[str, set[tuple[str, str]]] = defaultdict(set)
        for before, token, behind in zip(["", *self.tokens], self.tokens, [*self.tokens[1:], ""], strict=False):
            if is_number(token):
                beside[token] |= {("before", before), ("behind", behind)}
        return beside


class BenchmarkIndex:
    """Lookups over items.

    Args:
        items: The items, in a stable order; of equal ones the first is named.
        exact_structure: Tasks whose items are not looked for by n-grams.
        whole_only: Look for whole items only.
    """

    def __init__(self, items: Iterable[Item], exact_structure: frozenset[str], *, whole_only: bool = False) -> None:
        self.items = list(items)
        self.views = [View(item.prompt) for item in self.items]
        self.structures: dict[str, int] = {}
        self.exact: dict[str, int] = {}
        self.templates: dict[str, int] = {}
        for number, (item, view) in enumerate(zip(self.items, self.views, strict=True)):
            if item.structure_id is not None:
                self.structures.setdefault(item.structure_id, number)
            if view.tokens:
                self.exact.setdefault(view.whole, number)
                if MASK in masked(view.tokens) and item.task not in exact_structure:
                    self.templates.setdefault(view.template, number)
        by_ngrams = [not whole_only and item.task not in exact_structure for item in self.items]
        self.bags: dict[str, list[int]] = defaultdict(list)
        for number, (view, use) in enumerate(zip(self.views, by_ngrams, strict=True)):
            if use and len(view.tokens) >= GRAM:
                self.bags[view.bag].append(number)
        self._anchors = self._rarest([self._runs(view) for view in self.views])
        self._short = sorted({length for view in self.views if SHORTEST <= (length := len(view.tokens)) < GRAM})
        self._sentences = self._rarest([view.sentences if len(view.sentences) > 1 else [] for view in self.views])
        self.prompts = Grams([view.tokens if use else [] for view, use in zip(self.views, by_ngrams, strict=True)])
        solutions = [item.solution if use else None for item, use in zip(self.items, by_ngrams, strict=True)]
        self.solutions = Grams([View(text).tokens if text else [] for text in solutions], fewest_words=WORDS)

    def needed(self, solution_coverage: float) -> Iterator[tuple[int, str]]:
        """Yield runs of skeletons, with their length, one of which stands in the skeleton of every text that holds an item.

        Or a part of one that counts. Length 0 stands for a text as a whole. What `bags` finds is not among them.

        Args:
            solution_coverage: Of a solution more than this share of its 8-grams has to be held.
        """
        for view in self.views:
            if 0 < len(view.tokens) < SHORTEST:
                yield 0, " ".join(skeleton(view.tokens))
        whole = [_longest_skeletons(self._runs(view)) for view in self.views]
        cut = [[sentence.split(" ") for sentence in view.sentences] for view in self.views]
        parts = [[run for sentence in parts for run in ngrams(sentence, GRAM)] for parts in cut]
        ordered = [
            _longest_skeletons(runs or view.sentences) if len(view.sentences) > 1 else []
            for runs, view in zip(parts, self.views, strict=True)
        ]
        by_parts = {_skeleton(gram) for gram in self.prompts.grams} | self.solutions.telling_skeletons(
            solution_coverage
        )
        for runs in (self._rarest(whole), self._rarest(ordered), sorted(by_parts)):
            for run in runs:
                yield run.count(" ") + 1, run

    @staticmethod
    def _runs(view: View) -> list[str]:
        """The n-grams by one of which an item is found whole: 8-grams, or all of a shorter item."""
        if len(view.tokens) < SHORTEST:
            return []
        return ngrams(view.tokens, min(GRAM, len(view.tokens)))

    @staticmethod
    def _rarest(keys: Sequence[Sequence[str]]) -> dict[str, list[int]]:
        """Map one key of each item, the one that the fewest items share, to the items."""
        shared = Counter(key for item in keys for key in set(item))
        items: dict[str, list[int]] = defaultdict(list)
        for number, item in enumerate(keys):
            if item:
                items[min(item, key=lambda key: (shared[key], -len(key)))].append(number)
        return dict(items)

    def contained(self, view: View, grams: Iterable[str]) -> int | None:
        """Return an item whose whole prompt is inside a text, given the text's 8-grams."""
        short = (gram for n in self._short for gram in ngrams(view.tokens, n))
        candidates = {number for keys in (grams, short) for gram in keys for number in self._anchors.get(gram, ())}
        return min((number for number in candidates if self.views[number].whole in view.whole), default=None)

    def reordered(self, sentences_: set[str]) -> int | None:
        """Return an item all of whose sentences are among these."""
        candidates = {number for sentence in sentences_ for number in self._sentences.get(sentence, ())}
        return min(
            (number for number in candidates if sentences_.issuperset(self.views[number].sentences)), default=None
        )

    def reworded(self, view: View) -> int | None:
        """Return an item with the same words and numbers in another order, each number where it was in its clause."""
        return next((number for number in self.bags.get(view.bag, ()) if self.views[number].keeps_numbers(view)), None)


class Grams:
    """The 8-grams of many texts, and how much of each text another one covers.

    Args:
        texts: Tokens of each text; an empty one is never found.
        fewest_words: Fewest words that are no number in an n-gram that counts.
    """

    def __init__(self, texts: Sequence[Sequence[str]], *, fewest_words: int = 0) -> None:
        self.texts = texts
        sets = [
            {
                gram
                for gram in ngrams(text, GRAM)
                if _words(gram) >= fewest_words and _skeleton(gram).count(" ") >= FEWEST - 1
            }
            for text in texts
        ]
        shared = Counter(gram for grams in sets for gram in grams)
        self._sizes = [sum(shared[gram] <= COMMON for gram in grams) for grams in sets]
        self._items: dict[str, list[int]] = defaultdict(list)
        for number, grams in enumerate(sets):
            for gram in grams:
                if shared[gram] <= COMMON:
                    self._items[gram].append(number)
        self._items = dict(self._items)

    @property
    def grams(self) -> Iterable[str]:
        """Every 8-gram that counts."""
        return self._items.keys()

    def telling_skeletons(self, coverage: float) -> set[str]:
        """The skeletons of so many 8-grams of each text that one of them is in every set that holds more than a share of them.

        They are those with most words, then those that fewest texts have.
        """
        skeletons = {gram: _skeleton(gram) for gram in self.grams}
        texts: dict[int, list[str]] = defaultdict(list)
        for gram, numbers in self._items.items():
            for number in numbers:
                texts[number].append(gram)
        shared = Counter(skeletons[gram] for grams in texts.values() for gram in grams)
        telling = set()
        for grams in texts.values():
            ordered = sorted((-_words(skeletons[gram]), shared[skeletons[gram]], skeletons[gram]) for gram in grams)
            telling |= {text for *_, text in ordered[: len(grams) - int(coverage * len(grams))]}
        return telling

    def coverage(self, grams: Iterable[str]) -> dict[int, float]:
        """Return, for each text that shares an 8-gram with these, the share of its 8-grams among them."""
        hits: Counter[int] = Counter()
        for gram in grams:
            hits.update(self._items.get(gram, ()))
        return {number: count / self._sizes[number] for number, count in sorted(hits.items())}

    def shares_long(self, number: int, rows: Iterable[Sequence[str]]) -> bool:
        """Whether a text shares a run of 13 words with one of these token lists."""
        wanted = set(ngrams(self.texts[number], LONG_GRAM))
        return any(gram in wanted for row in rows for gram in ngrams(row, LONG_GRAM))

    def number_changed(self, number: int, rows: Sequence[Sequence[str]]) -> bool:
        """Whether some 8-gram of a text is in these token lists only with another number in it."""
        plain = {gram for row in rows for gram in ngrams(row, GRAM)}
        hidden = {gram for row in rows for gram in ngrams(masked(row), GRAM)}
        text = self.texts[number]
        pairs = zip(ngrams(text, GRAM), ngrams(masked(text), GRAM), strict=True)
        return any(gram not in plain and template in hidden for gram, template in pairs)

    def same_template(self, number: int, rows: Sequence[Sequence[str]]) -> bool:
        """Whether every 8-gram of a text is in these token lists, up to its numbers."""
        hidden = {gram for row in rows for gram in ngrams(masked(row), GRAM)}
        return hidden.issuperset(ngrams(masked(self.texts[number]), GRAM))


def _skeleton(run: str) -> str:
    return " ".join(skeleton(run.split(" "), whole=False))


def _longest_skeletons(runs: Sequence[str]) -> list[str]:
    """The skeletons of runs that are not empty; the longest say most."""
    skeletons = [_skeleton(run) for run in runs]
    most = max((run.count(" ") for run in skeletons if run), default=0)
    return [run for run in skeletons if run and run.count(" ") == most]


def _words(gram: str) -> int:
    return sum(token[0].isalpha() for token in gram.split(" "))
