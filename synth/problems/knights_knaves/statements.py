"""What the people of a puzzle say, as syntax trees, and which of them can be knights.

A statement is a nested tuple: `("knight", j)`, `("knave", j)`, `("not", s)`, `("and", s, ...)`, `("or", s, ...)`,
`("implies", s, t)`, `("iff", s, t)`, with people numbered from 0. A puzzle is one statement per person.

Truth tables are integers: bit `a` tells the truth under assignment `a`, and bit `j` of `a` says that j is a knight.
"""

from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from itertools import permutations, product
from typing import Any

Statement = tuple[Any, ...]
Puzzle = tuple[Statement, ...]

KNIGHT = "knight"
KNAVE = "knave"
_UNORDERED = ("and", "or", "iff")


@cache
def _knight_tables(people: int) -> tuple[int, ...]:
    return tuple(
        sum(1 << assignment for assignment in range(1 << people) if assignment >> person & 1)
        for person in range(people)
    )


@lru_cache(maxsize=1 << 14)  # eight people can say 1,016 things of depth two
def truth_table(statement: Statement, people: int) -> int:
    """The assignments under which a statement is true, as bits."""
    everything = (1 << (1 << people)) - 1
    operator, *arguments = statement
    if operator == KNIGHT:
        return _knight_tables(people)[arguments[0]]
    if operator == KNAVE:
        return everything & ~_knight_tables(people)[arguments[0]]
    tables = [truth_table(argument, people) for argument in arguments]
    if operator == "not":
        return everything & ~tables[0]
    if operator == "implies":
        return (everything & ~tables[0]) | tables[1]
    if operator == "iff":
        return everything & ~(tables[0] ^ tables[1])
    result = tables[0]
    for table in tables[1:]:
        result = result & table if operator == "and" else result | table
    return result


def assumption_table(roles: dict[int, bool], people: int) -> int:
    """The assignments in which these people have these roles, as bits."""
    table = (1 << (1 << people)) - 1
    for person, knight in roles.items():
        knights = _knight_tables(people)[person]
        table &= knights if knight else ~knights
    return table


def conflicts(puzzle: Puzzle, roles: dict[int, bool]) -> list[int]:
    """The people with a role whose statement can no longer fit it, whatever roles the others have."""
    people = len(puzzle)
    possible = assumption_table(roles, people)
    conflicting = []
    for speaker in sorted(roles):
        claim = truth_table(puzzle[speaker], people)
        if not possible & (claim if roles[speaker] else ~claim):
            conflicting.append(speaker)
    return conflicting


@lru_cache(maxsize=1 << 15)
def consistent_table(statement: Statement, speaker: int, people: int) -> int:
    """The assignments that a statement allows, as bits: its speaker is a knight exactly when it is true."""
    everything = (1 << (1 << people)) - 1
    return everything & ~(_knight_tables(people)[speaker] ^ truth_table(statement, people))


def solutions(puzzle: Puzzle) -> list[tuple[bool, ...]]:
    """All assignments (True is a knight) under which exactly the knights speak the truth."""
    people = len(puzzle)
    table = (1 << (1 << people)) - 1
    for speaker, statement in enumerate(puzzle):
        table &= consistent_table(statement, speaker, people)
    fitting = []
    while table:
        lowest = table & -table
        fitting.append(assignment_roles(lowest.bit_length() - 1, people))
        table ^= lowest
    return fitting


def assignment_roles(assignment: int, people: int) -> tuple[bool, ...]:
    """The roles in an assignment: bit j says that j is a knight."""
    return tuple(bool(assignment >> person & 1) for person in range(people))


@lru_cache(maxsize=1 << 14)
def mentioned(statement: Statement) -> tuple[int, ...]:
    """The people named in a statement, in order of their first mention."""
    if statement[0] in (KNIGHT, KNAVE):
        return (statement[1],)
    return tuple(dict.fromkeys(person for argument in statement[1:] for person in mentioned(argument)))


def canonical(puzzle: Puzzle) -> str:
    """The puzzle's structure: equal for two puzzles exactly when renaming people turns one into the other.

    The order of what `and`, `or` and `iff` join does not count either. People are first told apart by what they say and
    who speaks of them, then the least form over the orders that are left is taken.
    """
    colours = _first_colours(puzzle)
    if len(set(colours)) < len(puzzle):
        colours = _colours(puzzle, colours)
    classes: list[list[int]] = [[] for _ in puzzle]
    for person, colour in enumerate(colours):
        classes[colour].append(person)
    return min(_renamed(puzzle, order) for order in _orders([members for members in classes if members]))


def as_puzzle(value: Iterable[Any]) -> Puzzle:
    """Read a puzzle back from JSON lists."""
    return tuple(_as_tuple(statement) for statement in value)


def _as_tuple(value: Sequence[Any]) -> Statement:
    return tuple(_as_tuple(part) if isinstance(part, list | tuple) else part for part in value)


def _orders(classes: list[list[int]]) -> Iterable[list[int]]:
    if all(len(members) == 1 for members in classes):
        return [[members[0] for members in classes]]
    return (
        [person for members in chosen for person in members]
        for chosen in product(*(permutations(members) for members in classes))
    )


def _renamed(puzzle: Puzzle, order: Sequence[int]) -> str:
    """The puzzle as JSON with person `order[k]` as number k."""
    number = {person: index for index, person in enumerate(order)}
    return f"[{','.join([_renamed_text(puzzle[person], number) for person in order])}]"


def _renamed_text(statement: Statement, number: dict[int, int]) -> str:
    operator = statement[0]
    if operator in (KNIGHT, KNAVE):
        return f'["{operator}",{number[statement[1]]}]'
    parts = [_renamed_text(argument, number) for argument in statement[1:]]
    if operator in _UNORDERED:
        parts.sort()
    return f'["{operator}",{",".join(parts)}]'


def _relabel(statement: Statement, label: dict[int, Any]) -> Statement:
    operator, *arguments = statement
    if operator in (KNIGHT, KNAVE):
        return (operator, label[arguments[0]])
    parts = [_relabel(argument, label) for argument in arguments]
    return (operator, *(sorted(parts) if operator in _UNORDERED else parts))


@lru_cache(maxsize=1 << 15)
def _shape(statement: Statement, person: int) -> str:
    """A statement that forgets its people, but for one."""
    return _renamed_text(statement, {other: int(other == person) for other in mentioned(statement)})


def _first_colours(puzzle: Puzzle) -> list[int]:
    """Tell people apart by the shape of what they say and of what others say of them; most puzzles need no more."""
    mentions: list[list[str]] = [[] for _ in puzzle]
    for speaker, statement in enumerate(puzzle):
        for person in mentioned(statement):
            if person != speaker:
                mentions[person].append(_shape(statement, person))
    return _ranked(
        [" ".join([_shape(statement, person), *sorted(mentions[person])]) for person, statement in enumerate(puzzle)]
    )


def _ranked(views: Sequence[Any]) -> list[int]:
    order = sorted(views)
    return [order.index(view) for view in views]


def _colours(puzzle: Puzzle, colours: list[int]) -> list[int]:
    """Tell people apart further, by the colours of those they speak of, until nothing more is told apart."""
    people = range(len(puzzle))
    while True:
        seen = []
        for person in people:
            label: dict[int, Any] = {other: (other == person, colours[other]) for other in people}
            told_of = sorted(
                (colours[speaker], _relabel(puzzle[speaker], label))
                for speaker in people
                if speaker != person and person in mentioned(puzzle[speaker])
            )
            seen.append((colours[person], _relabel(puzzle[person], label), told_of))
        ranks = _ranked(seen)
        if len(set(ranks)) == len(set(colours)):
            return ranks
        colours = ranks
