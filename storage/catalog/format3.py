"""From format 2 to format 3: what models were asked stands in one table, and columns are called what they count.

* `judgements`, `perplexities` and `trials` become rows of `evidence`, one for one, under the commits that they came with, and
  views of these names show them as before;
* `samples.tokens` becomes `samples.words`, since it counts words;
* `looks` becomes `promotion_looks`.

Every statement asks first what is there: the lake may come from format 1, which lacks some of these tables, or another machine
may have taken this step already.
"""

from typing import Any

_EVIDENCE = """
create table if not exists evidence (
    subject varchar, subject_id varchar, kind varchar, name varchar, model varchar, version varchar, value double,
    text varchar, call_ids varchar[], night varchar, commit_id varchar
)
"""
_MOVES = {
    "judgements": """
insert into evidence select 'sample', sample_id, 'rubric', aspect, model, null, score, reason,
       if(call_id is null, [], [call_id]), night, commit_id from judgements
""",
    "perplexities": """
insert into evidence select 'sample', sample_id, 'perplexity', 'perplexity', model, null,
       if(tokens > 0, exp(least(700, -logprob / tokens)), null),
       if(tokens > 0, '{"logprob": ' || logprob::varchar || ', "tokens": ' || tokens::varchar || '}', reason),
       if(call_id is null, [], [call_id]), night, commit_id from perplexities
""",
    "trials": """
insert into evidence select 'problem', problem_id, 'trial', trial, model, sampling,
       case outcome when 'correct' then 1 when 'wrong' then 0 end, outcome,
       if(regexp_full_match(trial, '[0-9a-f]{64}'), [trial], []), night, commit_id from trials
""",
}
"""How the rows of each table that goes become rows of `evidence`."""


def to_three(connection: Any) -> None:
    """Take the step, inside the caller's transaction."""
    columns: dict[str, set[str]] = {}
    for table, column in connection.execute(
        "select c.table_name, c.column_name from duckdb_columns() c join duckdb_tables() t using (database_name, table_name) "
        "where database_name = 'lake'"
    ).fetchall():
        columns.setdefault(table, set()).add(column)
    if "tokens" in columns.get("samples", ()) and "words" not in columns["samples"]:
        connection.execute("alter table samples rename column tokens to words")
    if "looks" in columns:
        connection.execute("alter table looks rename to promotion_looks")
    connection.execute(_EVIDENCE)
    for table, move in _MOVES.items():
        if table in columns:
            connection.execute(move)
            connection.execute(f"drop table {table}")
