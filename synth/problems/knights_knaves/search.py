"""The worked solution of a puzzle: a depth-first search written down as it goes (the paper's rule-made short CoT)."""

from collections.abc import Sequence
from typing import NamedTuple

from synth.problems.knights_knaves.statements import Puzzle, assumption_table, mentioned, truth_table
from synth.problems.knights_knaves.text import Style, answer_text, claim_text, role_word
from synth.problems.knights_knaves.words import KNIGHTS, Words


class Move(NamedTuple):
    """One entry of the search tape.

    Attributes:
        roles: The roles supposed so far, the newest last; True is a knight.
        against: Whose statement cannot fit them; None when they are fine so far.
        exhausted: The person for whom both roles have failed, so that an earlier choice is reconsidered.
    """

    roles: tuple[tuple[int, bool], ...]
    against: int | None = None
    exhausted: int | None = None


def search(puzzle: Puzzle) -> list[Move]:
    """Search for the solution: knight before knave, and next the people that the last statement speaks of."""
    people = len(puzzle)
    claims = [truth_table(statement, people) for statement in puzzle]
    tape: list[Move] = []
    _extend(puzzle, claims, (), assumption_table({}, people), tuple(range(people)), tape)
    return tape


def solution_lines(puzzle: Puzzle, names: Sequence[str], style: Style, role_names: Words = KNIGHTS) -> list[str]:
    """The search in words, one step per line, without the answer line."""
    tape = search(puzzle)
    if style == "compact":
        return [compact_step(move, names) for move in tape if move.exhausted is None]
    claims = [claim_text(statement, names, style, role_names) for statement in puzzle]
    return [
        "Let us give people roles one at a time and test what they say.",
        *[_full_step(move, claims, names, role_names) for move in tape],
        f"Now every {role_names.truthful} speaks the truth and every {role_names.lying} lies.",
    ]


def answer_line(roles: Sequence[bool], names: Sequence[str], role_names: Words = KNIGHTS) -> str:
    """The last line of a solution."""
    return f"#### {answer_text(roles, names, role_names)}"


def compact_step(move: Move, names: Sequence[str]) -> str:
    """A supposition and its verdict: `ann knight ben knave : ok`, or who stands against it: `ann knight : ben no`."""
    supposed = " ".join(f"{names[person]} {role_word(knight)}" for person, knight in move.roles)
    return f"{supposed} : {'ok' if move.against is None else f'{names[move.against]} no'}"


def _extend(
    puzzle: Puzzle,
    claims: Sequence[int],
    roles: tuple[tuple[int, bool], ...],
    possible: int,
    waiting: tuple[int, ...],
    tape: list[Move],
) -> bool:
    """Give roles to those who wait; `possible` are the assignments that the roles so far leave, as bits."""
    if not waiting:
        return True
    person, rest = waiting[0], waiting[1:]
    for knight in (True, False):
        supposed = (*roles, (person, knight))
        left = possible & assumption_table({person: knight}, len(puzzle))
        against = min(
            (speaker for speaker, honest in supposed if not left & (claims[speaker] if honest else ~claims[speaker])),
            default=None,
        )
        tape.append(Move(supposed, against))
        if against is not None:
            continue
        named = tuple(other for other in mentioned(puzzle[person]) if other in rest)
        others = tuple(other for other in rest if other not in named)
        if _extend(puzzle, claims, supposed, left, named + others, tape):
            return True
    tape.append(Move(roles, exhausted=person))
    return False


def _full_step(move: Move, claims: Sequence[str], names: Sequence[str], role_names: Words) -> str:
    if move.exhausted is not None:
        earlier = names[move.roles[-1][0]] if move.roles else "nobody"
        return f"No role is left for {names[move.exhausted]}, so the role of {earlier} must be reconsidered."
    person, knight = move.roles[-1]
    name, role = names[person], role_names.a(knight)
    if move.against is None:
        verdict = "can be true" if knight else "can be false"
        return f"Suppose {name} is {role}; then the claim of {name} that {claims[person]} {verdict}."
    honest = dict(move.roles)[move.against]
    wrong = f"{'false' if honest else 'true'} although {role_names.a(honest)} says it"
    return f"If {name} is {role}, the claim of {names[move.against]} that {claims[move.against]} is {wrong}."
