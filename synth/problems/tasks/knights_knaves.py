"""Check, solve and review answers to Knights and Knaves puzzles."""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from synth.answers.judge import NO_ANSWER, UNFINISHED_ANSWER, UNPARSABLE_ANSWER, WRONG_ANSWER
from synth.answers.outcome import Check, Outcome
from synth.answers.responses.reading import State, final_part, read_answer
from synth.problems.base import Problem, Review
from synth.problems.knights_knaves.perturb import perturb
from synth.problems.knights_knaves.roles import UNSURE, closing_roles, read_assignment, read_roles, stated_roles
from synth.problems.knights_knaves.search import answer_line, solution_lines
from synth.problems.knights_knaves.statements import Puzzle, as_puzzle, conflicts, truth_table
from synth.problems.knights_knaves.text import Style, answer_text, claim_text, role_word
from synth.problems.knights_knaves.words import KNIGHTS, Words
from synth.problems.steps import split_steps

_SUPPOSES = re.compile(r"\b(?:if|suppos\w*|assum\w*|try|let\s+us\s+say|case)\b", re.IGNORECASE)
_ANSWER_MARK = re.compile(r"^[ \t>*_-]*(?:#{4}|(?:final\s+)?answer\s*:)[ \t*_]*(?=\S)", re.IGNORECASE)
MAX_ANSWERED = 4_000  # characters at the end of a response that are searched for answer lines
_COMPACT_STEP = re.compile(r"^(?P<roles>[a-z]+ kn(?:ight|ave)(?: [a-z]+ kn(?:ight|ave))*) : (?P<verdict>ok|[a-z]+ no)$")


class KnightsKnavesTask:
    """The task `knights_knaves`: name every person's role."""

    name = "knights_knaves"
    abilities = ("steps", "solve", "review")
    component = "assignment"  # what its reward is called in the curves of reinforcement learning

    def check(self, problem: Problem, response: str) -> Check:
        """Read the assignment in the final answer, in any order and most layouts.

        After the reward of Logic-RL: every person must be given one role, and nothing else be said of roles, else the
        answer is unverifiable. A problem without attributes is checked by what its gold answer says.

        Raises:
            ProblemError: There are no attributes, and the gold answer names nobody's role.
        """
        names, solution, role_names = _assignment(problem)
        part = final_part(response) or closing_roles(response, names, role_names)
        if part is None:
            unfinished = read_answer(response).state is State.UNFINISHED
            return Check(
                *((Outcome.UNVERIFIABLE, None, UNFINISHED_ANSWER) if unfinished else (Outcome.WRONG, None, NO_ANSWER))
            )
        roles = read_roles(part, names, role_names)
        if roles is None and (lines := _answer_lines(response)) is not None:
            part, roles = lines, read_roles(lines, names, role_names)
        if roles is None:
            return Check(Outcome.UNVERIFIABLE, part[:200], UNPARSABLE_ANSWER, part[:200])
        answer = answer_text(roles, names, role_names)
        if roles == solution:
            return Check(Outcome.CORRECT, answer, None, part[:200])
        return Check(Outcome.WRONG, answer, WRONG_ANSWER, part[:200])

    def steps(self, response: str) -> list[str]:
        """Cut a response into its steps (`synth.problems.steps`)."""
        return split_steps(response)

    def solve(self, problem: Problem) -> str | None:
        """Write the search down, ending in `#### Ann is a knight, Ben is a knave`."""
        puzzle = _Given.of(problem)
        lines = solution_lines(puzzle.statements, puzzle.names, puzzle.style, puzzle.words)
        return "\n".join([*lines, answer_line(puzzle.solution, puzzle.names, puzzle.words)])

    def variant(self, problem: Problem, rng: random.Random) -> Problem | None:
        """Change one part of what somebody says, so that the solution is another; None where the problem carries no puzzle."""
        return perturb(problem, "leaf", rng) if "statements" in problem.attrs else None

    def review(self, problem: Problem, attempt: str) -> Review | None:
        """Find the first line that is wrong, name a statement that the answer breaks, and write the search down.

        A line is wrong when it gives somebody the other role without supposing it. In the compact wording every
        verdict is checked exactly. Prose that names no role may hold wrong reasoning: where no line is found to be wrong and
        the answer is, no step is sure. Nor is a wrong role while a supposition may hold.
        """
        puzzle = _Given.of(problem)
        check = self.check(problem, attempt)
        steps = split_steps(attempt)
        right = [all(_line_right(line.strip(), puzzle) for line in step.splitlines()) for step in steps]
        wrong = right.index(False) if False in right else None
        if wrong is None and check.outcome is Outcome.CORRECT:
            return Review(check.outcome, tuple(steps), (True,) * len(steps), None)
        first_wrong = len(steps) if wrong is None else wrong
        sure = first_wrong if wrong is not None or puzzle.style == "compact" else 0
        supposed = puzzle.style != "compact" and _supposed(steps[:first_wrong], puzzle)
        lines = solution_lines(puzzle.statements, puzzle.names, puzzle.style, puzzle.words)
        shared = 0
        while shared < min(first_wrong, len(lines)) and lines[shared] == steps[shared]:
            shared += 1
        return Review(
            outcome=check.outcome,
            steps=tuple(steps),
            labels=tuple(
                True if index < sure else None if index < first_wrong or supposed else False
                for index in range(len(steps))
            ),
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
        role_names = Words(*attrs["role_words"]) if "role_words" in attrs else KNIGHTS
        return _Given(
            as_puzzle(attrs["statements"]), tuple(attrs["names"]), tuple(attrs["solution"]), style, role_names
        )


def _assignment(problem: Problem) -> tuple[tuple[str, ...], tuple[bool, ...], Words]:
    """Names, roles and role words of a problem."""
    if "names" not in problem.attrs:
        return read_assignment(problem.gold)
    puzzle = _Given.of(problem)
    return puzzle.names, puzzle.solution, puzzle.words


def _answer_lines(response: str) -> str | None:
    """The answer lines at the end of a response, where each names somebody; None where there are not several."""
    answers: list[str] = []
    for line in reversed(response[-MAX_ANSWERED:].splitlines()):
        mark = _ANSWER_MARK.match(line)
        if mark is not None:
            answers.append(line[mark.end() :].strip("*_ \t"))
        elif line.strip():
            break
    return "\n".join(reversed(answers)) if len(answers) > 1 else None


def _line_right(step: str, puzzle: _Given) -> bool:
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
    if UNSURE.search(step):
        return True
    stated = [(number.get(name), role) for name, role in stated_roles(step, puzzle.words)]
    return all(person is None or role is puzzle.solution[person] for person, role in stated)


def _supposed(steps: Sequence[str], puzzle: _Given) -> bool:
    """Whether a supposition may still hold after these steps: nobody's role was stated for certain since."""
    for step in reversed(steps):
        if _SUPPOSES.search(step):
            return True
        if stated_roles(step, puzzle.words) and not UNSURE.search(step):
            return False
    return False


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
