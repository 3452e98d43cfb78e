"""Which form of final answers the rows of a release have: those of one task should have one.

A row's form is the one that its own prompt asks for; where the prompt asks for none, the one that a rule or a data set wrote
its answer in. What a model wrote unasked says nothing. The patterns are read by Python and by DuckDB alike.
"""

from typing import Any

from storage.errors import LakeError

ASKED = {
    "boxed": r"(?i)\\boxed\{[ \t]*(?:\}|\.{2,3}|…|<|\[?(?:the |your )?(?:final |correct )?answer)",
    "hash": r"(?i)####[ \t]*(?:followed\b|and\b|then\b|the\b|your\b|\.{3}|…|(?:final |correct )?answer\b"
    r"|<[a-z]|[\[{][a-z_ ]*answer)|####[\"'`”]",
    "phrase": r"(?i)[\"'`“](?:so )?the (?:final )?answer is",
    "tags": r"(?i)<answer>[ \t]*(?:and\b|</answer>|\.{3}|…|(?:the |your )?(?:final )?answer\b)",
    "code": r"(?i)\bfenced block of python\b",
}
"""What the instruction to use a form looks like in a prompt, by form; an answer in the form is none."""
_WRITTEN = {
    "boxed": r"\\boxed\{",
    "hash": r"(?m)^[ \t]*####[ \t]*\S",
    "phrase": r"(?i)\bthe answer is\b",
    "tags": r"(?i)<answer>",
}
_FORMATS = """
select task, format, count(*) as rows from (
    select task, coalesce(asked, case when origin in ('rule', 'gold') then written end) as format from (
        select a.task, a.origin, {asked} as asked, {written} as written from (
            select s.*, coalesce(s.response, '') as learned,
                   array_to_string([m.content for m in s.messages if m.role not in ('assistant', 'tool')], chr(10)) as turns
            from samples s join picked using (sample_id) where s.kind in ('sft', 'preference')
        ) a
    )
) where format is not null group by all order by task, rows desc, format
"""


def formats_of(connection: Any) -> dict[str, dict[str, int]]:
    """Count the rows in the temporary table `picked` by task and form, on a connection that uses the lake."""
    statement = _FORMATS.format(asked=_the_only("turns", ASKED), written=_the_only("learned", _WRITTEN))
    counts: dict[str, dict[str, int]] = {}
    for task, form, rows in connection.execute(statement).fetchall():
        counts.setdefault(str(task), {})[form] = rows
    return counts


def refuse_mixed(name: str, counts: dict[str, dict[str, int]]) -> None:
    """Refuse a release in which a task has answers of several forms.

    Raises:
        LakeError: There is such a task; the message has the forms with their rows.
    """
    for task, rows in counts.items():
        if len(rows) > 1:
            listed = ", ".join(f"{form} ({number:,})" for form, number in rows.items())
            raise LakeError(
                f"release {name}: the rows of task {task!r} mix answer formats: {listed}; a model would learn that a prompt "
                "need not be obeyed. Choose rows of one format with `where`, or ask for the mixture: `mixed_formats: true` "
                "in the recipe, --mixed-formats at `release create`"
            )


def _the_only(column: str, patterns: dict[str, str]) -> str:
    """SQL for the one form whose pattern a text has; null where it has none, or several."""
    matches = {
        form: f"regexp_matches({column}, '{pattern.replace(chr(39), chr(39) * 2)}')"
        for form, pattern in patterns.items()
    }
    matched = " + ".join(f"({match})::int" for match in matches.values())
    cases = " ".join(f"when {match} then '{form}'" for form, match in matches.items())
    return f"case when {matched} <> 1 then null {cases} end"
