"""The one judge of answers: reads the final answer of a response and compares it with the gold answer.

Filter, reward, evaluation, pass rates, votes, tutor, critic and step labels call it and nothing else. Three outcomes:

* a response without a readable answer is `wrong`, since it does not answer;
* an answer that is read and equals the gold answer is `correct`, one that surely differs is `wrong`;
* what is read and cannot be decided, and what is cut off in the middle of its answer, is `unverifiable`; so is every answer to a
  problem without a gold answer.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from synth.answers.comparing.table import compare_forms
from synth.answers.numbers import format_number
from synth.answers.outcome import Check, Outcome
from synth.answers.parsing.form import read_form
from synth.answers.parsing.forms import Choice, Quantity
from synth.answers.parsing.typography import MAX_ANSWER, fold, tidy
from synth.answers.responses.reading import Reading, State, bare_answer, read_answer

VERSION = "4"
"""Version of the judge. It stands in verdicts, evaluations and rewards; those of different versions are not compared."""

NO_ANSWER = "no_answer"
WRONG_ANSWER = "wrong_answer"
UNPARSABLE_ANSWER = "unparsable_answer"
UNFINISHED_ANSWER = "unfinished_answer"
UNMARKED_ANSWER = "unmarked_answer"
NO_GOLD = "no_gold"
_REASONS = {Outcome.CORRECT: None, Outcome.WRONG: WRONG_ANSWER, Outcome.UNVERIFIABLE: UNPARSABLE_ANSWER}

Options = Sequence[str] | Mapping[str, str]


def judge(gold: str, response: str, *, options: Options | None = None) -> Check:
    """Judge a response: read its final answer and compare it with the gold answer. Never raises on model text.

    Args:
        gold: The gold answer.
        response: What a model wrote.
        options: The options of a multiple-choice question, in the order of their letters or by letter.
    """
    return _judged(gold, read_answer(response), options)


def judge_answer(gold: str, answer: str | None, *, options: Options | None = None) -> Check:
    """Judge a bare answer: the text itself, unless it marks its answer as a response does."""
    if answer is None or not answer.strip():
        both_empty = answer is not None and not gold.strip()
        return Check(Outcome.CORRECT if both_empty else Outcome.WRONG, None, None if both_empty else NO_ANSWER)
    return _judged(gold, bare_answer(answer), options)


def equal_answers(left: str, right: str) -> bool:
    """Whether two final answers are the same answer."""
    return _compare(left, right) is Outcome.CORRECT


def majority(answers: Iterable[str | None]) -> tuple[str | None, int]:
    """Return the answer that most voters gave, in the words of the first of them, and how many; (None, 0) without any.

    `1/2` and `0.5` are votes for one answer. Of equally many the alphabet decides; None is no vote.
    """
    votes: dict[str, int] = {}
    for answer in answers:
        if answer is not None:
            same = next((earlier for earlier in votes if earlier == answer or equal_answers(earlier, answer)), answer)
            votes[same] = votes.get(same, 0) + 1
    return min(votes.items(), key=lambda vote: (-vote[1], vote[0]), default=(None, 0))


def normalise(text: str) -> str:
    """Give an answer its normal form: a plain number without separators, currency and unit, or plain text."""
    form = read_form(text)
    value = form.value if isinstance(form, Quantity) and form.group is None and not form.prose else None
    return format_number(value) if value is not None else fold(tidy(text)) or text.strip()


def gold_verifies(gold: str) -> bool:
    """Whether a gold answer is correct against itself, alone and on an answer line."""
    if not gold.strip() or len(gold) > MAX_ANSWER:
        return False
    return all(check.outcome is Outcome.CORRECT for check in (judge_answer(gold, gold), judge(gold, f"#### {gold}")))


def _judged(gold: str, reading: Reading, options: Options | None) -> Check:
    if reading.state is State.NONE:
        return Check(Outcome.WRONG, None, NO_ANSWER)
    if reading.state is State.UNFINISHED:
        return Check(Outcome.UNVERIFIABLE, None, UNFINISHED_ANSWER)
    if reading.state is State.UNMARKED:
        return Check(Outcome.UNVERIFIABLE, None, UNMARKED_ANSWER)
    text = reading.text
    if len(text) > MAX_ANSWER * 3 or len(gold) > 100_000:
        return Check(Outcome.UNVERIFIABLE, text[:MAX_ANSWER], UNPARSABLE_ANSWER)
    if not gold.strip():
        return Check(Outcome.UNVERIFIABLE, _shown(text), NO_GOLD, text)
    gold = _gold_text(gold)
    outcome = _with_options(gold, text, options) if options else _compare(gold, text)
    if reading.exclaimed and outcome is not Outcome.CORRECT and _compare(gold, text + "!") is Outcome.CORRECT:
        outcome, text = Outcome.CORRECT, text + "!"
    return Check(outcome, _shown(text), _REASONS[outcome], text)


def _gold_text(gold: str) -> str:
    """A gold answer that is a whole solution is read like one."""
    if "boxed" in gold or "</think>" in gold or len(gold) > MAX_ANSWER:
        reading = read_answer(gold)
        return reading.text if reading.state is State.READ else gold
    return gold


@lru_cache(maxsize=50_000)
def _compare(gold: str, answer: str) -> Outcome:
    left, right = read_form(gold), read_form(answer)
    if not gold.strip() or not answer.strip():
        return Outcome.WRONG
    try:
        return compare_forms(left, right)
    except RecursionError:
        return Outcome.UNVERIFIABLE


def _with_options(gold: str, answer: str, options: Options) -> Outcome:
    """Compare by the letter or by the text of the option that is meant."""
    texts = dict(options) if isinstance(options, Mapping) else {chr(65 + i): text for i, text in enumerate(options)}
    wanted, chosen = _letter(gold, texts), _letter(answer, texts)
    if wanted is None:
        return _compare(gold, texts.get(chosen or "", answer))
    if chosen is None:
        return Outcome.UNVERIFIABLE
    return Outcome.CORRECT if wanted == chosen else Outcome.WRONG


def _letter(answer: str, texts: Mapping[str, str]) -> str | None:
    form = read_form(answer)
    if isinstance(form, Choice) and form.letter.upper() in texts:
        return form.letter.upper()
    same = [letter for letter, text in texts.items() if _compare(text, answer) is Outcome.CORRECT]
    return same[0] if len(same) == 1 else None


def _shown(text: str) -> str:
    """An answer as verdicts show it: a number in normal form, else the plain text."""
    return normalise(text)[:MAX_ANSWER] if len(text) <= MAX_ANSWER else text[:MAX_ANSWER]
