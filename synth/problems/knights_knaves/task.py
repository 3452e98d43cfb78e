"""Check, solve and review answers to Knights and Knaves puzzles."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from synth.answers.judge import NO_ANSWER, UNFINISHED_ANSWER, UNPARSABLE_ANSWER, WRONG_ANSWER
from synth.answers.outcome import Check, Outcome
from synth.answers.responses.reading import State, final_part, read_answer
from synth.problems.base import Problem, Review
from synth.problems.derivation import split_steps
from synth.problems.knights_knaves.search import answer_line, solution_lines
from synth.problems.knights_knaves.statements import Puzzle, as_puzzle, conflicts, truth_table
from synth.problems.knights_knaves.text import Style, answer_text, claim_text, role_word
from synth.problems.knights_knaves.words import KNIGHTS, Words

MAX_READ = 4_000  # characters of an answer

_UNSURE = re.compile(
    r"\b(?:if|or|not|either|neither|nor|suppose|assum\w*|cannot|can't|isn't|would|could|might|maybe|perhaps|try|unless"
    r"|says?|said|claim\w*|states?|implies|whether|contradict\w*|but|impossible|inconsistent|false|untrue|wrong|incorrect"
    r"|opposite|rul(?:e|es|ed|ing)\s+out|exclud\w*|reject\w*|never|fails?|invalid|instead|unlikely|no)\b|\?",
    re.IGNORECASE,
)
_MARKUP = re.compile(r"[*_`#\"“”]|\\(?:text|mathrm|textbf|boxed)\b|[{}\\]")
_NUMBERED = re.compile(r"\(\d{1,2}\)|^\s*(?:\d{1,2}[.)]|[-•])\s+", re.MULTILINE)
_STATES = r"(?P<name>[^\W\d_]+)\s*(?:\bis\b|\bmust be\b|[:=–—→(-]|->)\s*(?:an?\s+|the\s+)?(?P<role>{words})\b"
_COMPACT_STEP = re.compile(r"^(?P<roles>[a-z]+ kn(?:ight|ave)(?: [a-z]+ kn(?:ight|ave))*) : (?P<verdict>ok|[a-z]+ no)$")


@dataclass(frozen=True, slots=True)
class _Patterns:
    """How roles are found in a text.

    Attributes:
        role: A role word, also in the plural.
        states: A name and the role it is given.
    """

    role: re.Pattern[str]
    states: re.Pattern[str]

    @staticmethod
    @cache
    def of(words: Words) -> "_Patterns":
        either = f"{re.escape(words.truthful)}|{re.escape(words.lying)}"
        return _Patterns(
            re.compile(rf"\b(?:{either})(?:e?s)?\b", re.IGNORECASE),
            re.compile(_STATES.replace("{words}", either), re.IGNORECASE),
        )


class KnightsKnavesTask:
    """The task `knights_knaves`: name every person's role."""

    name = "knights_knaves"
    component = "assignment"  # what its reward is called in the curves of reinforcement learning

    def check(self, problem: Problem, response: str) -> Check:
        """Read the assignment in the final answer, in any order and most layouts.

        After the reward of Logic-RL: there must be as many role words as people, else the answer is unverifiable.
        """
        puzzle = _Given.of(problem)
        part = final_part(response) or _closing(response, puzzle)
        if part is None:
            unfinished = read_answer(response).state is State.UNFINISHED
            return Check(
                *((Outcome.UNVERIFIABLE, None, UNFINISHED_ANSWER) if unfinished else (Outcome.WRONG, None, NO_ANSWER))
            )
        roles = read_roles(part, puzzle.names, puzzle.words)
        if roles is None:
            return Check(Outcome.UNVERIFIABLE, part[:200], UNPARSABLE_ANSWER)
        answer = answer_text(roles, puzzle.names, puzzle.words)
        if roles == puzzle.solution:
            return Check(Outcome.CORRECT, answer)
        return Check(Outcome.WRONG, answer, WRONG_ANSWER)

    def steps(self, response: str) -> list[str]:
        """Cut a response into its lines with content, without the answer line."""
        return split_steps(response)

    def solve(self, problem: Problem) -> str | None:
        """Write the search down, ending in `#### Ann is a knight, Ben is a knave`."""
        puzzle = _Given.of(problem)
        lines = solution_lines(puzzle.statements, puzzle.names, puzzle.style, puzzle.words)
        return "\n".join([*lines, answer_line(puzzle.solution, puzzle.names, puzzle.words)])

    def review(self, problem: Problem, attempt: str) -> Review | None:
        """Find the first line that is wrong, name a statement that the answer breaks, and write the search down.

        A line is wrong when it gives somebody the other role without supposing it. In the compact wording every
        verdict is checked exactly. Not covered: wrong reasoning in prose that names no role.
        """
        puzzle = _Given.of(problem)
        check = self.check(problem, attempt)
        steps = split_steps(attempt)
        wrong = next((index for index, step in enumerate(steps) if not _step_right(step, puzzle)), None)
        if wrong is None and check.outcome is Outcome.CORRECT:
            return Review(check.outcome, tuple(steps), (True,) * len(steps), None)
        first_wrong = len(steps) if wrong is None else wrong
        lines = solution_lines(puzzle.statements, puzzle.names, puzzle.style, puzzle.words)
        shared = 0
        while shared < min(first_wrong, len(lines)) and lines[shared] == steps[shared]:
            shared += 1
        return Review(
            outcome=check.outcome,
            steps=tuple(steps),
            labels=tuple(index < first_wrong for index in range(len(steps))),
            first_wrong=first_wrong,
            explanation=_explain(steps, first_wrong, check, puzzle),
            correction=(
                *lines[shared if shared == first_wrong else 0 :],
                answer_line(puzzle.solution, puzzle.names, puzzle.words),
            ),
        )


@dataclass(frozen=True, slots=True)
class _Given:
    """A problem's attributes, typed."""

    statements: Puzzle
    names: tuple[str, ...]
    solution: tuple[bool, ...]
    style: Style
    words: Words

    @staticmethod
    def of(problem: Problem) -> "_Given":
        attrs = problem.attrs
        style: Style = "compact" if attrs["style"] == "compact" else "full"
        words = Words(*attrs["role_words"]) if "role_words" in attrs else KNIGHTS
        return _Given(as_puzzle(attrs["statements"]), tuple(attrs["names"]), tuple(attrs["solution"]), style, words)


def _closing(response: str, puzzle: "_Given") -> str | None:
    """The last line or paragraph of an answer without a mark, if it states roles and is sure of them."""
    text = response.rpartition("</think>")[2].strip()
    if not text or "<think>" in text:
        return None
    last = re.split(r"\n\s*\n", text)[-1]
    line = last.strip().splitlines()[-1]
    sure = [part for part in (line, last) if _Patterns.of(puzzle.words).role.search(part) and not _UNSURE.search(part)]
    whole = [part for part in sure if read_roles(part, puzzle.names, puzzle.words) is not None]
    return (whole or sure or [None])[0]


def read_roles(part: str, names: Sequence[str], words: Words = KNIGHTS) -> tuple[bool, ...] | None:
    """The roles that a text gives to all people; None unless it names each of them once and nothing else."""
    patterns = _Patterns.of(words)
    text = _NUMBERED.sub(" ", _MARKUP.sub(" ", part[:MAX_READ])).strip()
    if not _UNSURE.search(text) and (grouped := _grouped(text, names, words)) is not None:
        return grouped
    if len(patterns.role.findall(text)) > len(names):
        text = text.splitlines()[0]
    if len(patterns.role.findall(text)) != len(names) or _UNSURE.search(text):
        return None
    number = {name.casefold(): index for index, name in enumerate(names)}
    roles: dict[int, bool] = {}
    for match in patterns.states.finditer(text):
        person = number.get(match["name"].casefold())
        if person is None or person in roles:
            return None
        roles[person] = match["role"].casefold() == words.truthful
    return tuple(roles[person] for person in range(len(names))) if len(roles) == len(names) else None


def _grouped(text: str, names: Sequence[str], words: Words) -> tuple[bool, ...] | None:
    """Roles given as lists of names, `Knights: Ann, Cal; knaves: Ben`; None unless each person stands in one list."""
    number = {name.casefold(): index for index, name in enumerate(names)}
    either = f"{re.escape(words.truthful)}|{re.escape(words.lying)}"
    head = re.compile(rf"\b(?:the\s+)?({either})(?:e?s)?\s*(?:are|is)?\s*[:=–-]\s*", re.IGNORECASE)
    heads = list(head.finditer(text))
    if not heads or len(heads) > 2 or text[: heads[0].start()].strip(" :,.;{"):
        return None
    roles: dict[int, bool] = {}
    for index, match in enumerate(heads):
        end = heads[index + 1].start() if index + 1 < len(heads) else len(text)
        for name in re.findall(r"[^\W\d_]+", text[match.end() : end]):
            if name.casefold() in ("and", "none", "nobody"):
                continue
            person = number.get(name.casefold())
            if person is None or person in roles:
                return None
            roles[person] = match[1].casefold() == words.truthful
    return tuple(roles[person] for person in range(len(names))) if len(roles) == len(names) else None


def _step_right(step: str, puzzle: _Given) -> bool:
    number = {name.casefold(): index for index, name in enumerate(puzzle.names)}
    compact = _COMPACT_STEP.match(step) if puzzle.style == "compact" else None
    if compact is not None:
        words = compact["roles"].split()
        if any(name not in number for name in words[::2]):
            return False
        roles = {number[name]: role == role_word(True) for name, role in zip(words[::2], words[1::2], strict=True)}
        if len(roles) * 2 != len(words):
            return False
        against = {puzzle.names[speaker] for speaker in conflicts(puzzle.statements, roles)}
        verdict = compact["verdict"]
        return not against if verdict == "ok" else verdict.removesuffix(" no") in against
    if _UNSURE.search(step):
        return True
    found = _Patterns.of(puzzle.words).states.finditer(step)
    stated = [(number.get(match["name"].casefold()), match["role"].casefold()) for match in found]
    return all(person is None or role == puzzle.words.word(puzzle.solution[person]) for person, role in stated)


def _explain(steps: Sequence[str], first_wrong: int, check: Check, puzzle: _Given) -> str:
    roles = read_roles(check.answer, puzzle.names, puzzle.words) if check.answer else None
    if check.outcome is Outcome.WRONG and roles is not None:
        return _broken(roles, puzzle)
    if first_wrong < len(steps) and puzzle.style == "full":
        return "This step gives somebody the wrong role."
    return "this step is wrong ." if first_wrong < len(steps) else "the answer is missing ."


def _broken(roles: Sequence[bool], puzzle: _Given) -> str:
    """A statement that does not fit an assignment, in one sentence."""
    people = len(roles)
    assignment = sum(1 << person for person, knight in enumerate(roles) if knight)
    for speaker, statement in enumerate(puzzle.statements):
        true = bool(truth_table(statement, people) >> assignment & 1)
        if true != roles[speaker]:
            name, claim = puzzle.names[speaker], claim_text(statement, puzzle.names, puzzle.style, puzzle.words)
            if puzzle.style == "compact":
                return f"{name} says {claim} : {name} no ."
            word = "true" if true else "false"
            return f"{name} cannot be {puzzle.words.a(roles[speaker])}: the claim that {claim} would then be {word}."
    return ""
