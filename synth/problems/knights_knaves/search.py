"""The worked solution of a puzzle: a depth-first search written down as it goes (the paper's rule-made short CoT)."""

from collections.abc import Sequence
from dataclasses import dataclass

from synth.problems.knights_knaves.statements import Puzzle, conflicts, mentioned
from synth.problems.knights_knaves.text import Style, answer_text, claim_text, role_word


@dataclass(frozen=True, slots=True)
class Move:
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
    tape: list[Move] = []
    _extend(puzzle, (), list(range(len(puzzle))), tape)
    return tape


def solution_lines(puzzle: Puzzle, names: Sequence[str], style: Style) -> list[str]:
    """The search in words, one step per line, without the answer line."""
    tape = search(puzzle)
    if style == "compact":
        return [compact_step(move, names) for move in tape if move.exhausted is None]
    return [
        "Let us give people roles one at a time and test what they say.",
        *(_full_step(move, puzzle, names) for move in tape),
        "Now every knight speaks the truth and every knave lies.",
    ]


def answer_line(roles: Sequence[bool], names: Sequence[str]) -> str:
    """The last line of a solution."""
    return f"#### {answer_text(roles, names)}"


def compact_step(move: Move, names: Sequence[str]) -> str:
    """A supposition and its verdict: `ann knight ben knave : ok`, or who stands against it: `ann knight : ben no`."""
    supposed = " ".join(f"{names[person]} {role_word(knight)}" for person, knight in move.roles)
    return f"{supposed} : {'ok' if move.against is None else f'{names[move.against]} no'}"


def _extend(puzzle: Puzzle, roles: tuple[tuple[int, bool], ...], waiting: list[int], tape: list[Move]) -> bool:
    if not waiting:
        return True
    person, rest = waiting[0], waiting[1:]
    for knight in (True, False):
        supposed = (*roles, (person, knight))
        against = conflicts(puzzle, dict(supposed))
        tape.append(Move(supposed, against[0] if against else None))
        if against:
            continue
        named = [other for other in mentioned(puzzle[person]) if other in rest]
        if _extend(puzzle, supposed, [*named, *(other for other in rest if other not in named)], tape):
            return True
    tape.append(Move(roles, exhausted=person))
    return False


def _full_step(move: Move, puzzle: Puzzle, names: Sequence[str]) -> str:
    if move.exhausted is not None:
        earlier = names[move.roles[-1][0]] if move.roles else "nobody"
        return f"No role is left for {names[move.exhausted]}, so the role of {earlier} must be reconsidered."
    person, knight = move.roles[-1]
    name, role = names[person], role_word(knight)
    if move.against is None:
        claim = claim_text(puzzle[person], names, "full")
        verdict = "can be true" if knight else "can be false"
        return f"Suppose {name} is a {role}; then the claim of {name} that {claim} {verdict}."
    speaker = names[move.against]
    claim = claim_text(puzzle[move.against], names, "full")
    wrong = "false although a knight says it" if dict(move.roles)[move.against] else "true although a knave says it"
    return f"If {name} is a {role}, the claim of {speaker} that {claim} is {wrong}."
