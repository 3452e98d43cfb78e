"""What models read, which of them were promoted, and how well they solve problems."""

VIEWS: dict[str, tuple[str, str]] = {
    "looks": ("promotion_looks, under the name that they had before format 3", "select * from promotion_looks"),
    "reads": (
        "what the stage that made each model read: rows of its release, and problems without a row",
        """
        select k.checkpoint_id, k.release_id, r.sample_id, null::varchar as problem_id, 'row' as part
        from checkpoints k join release_rows r using (release_id) where k.read is null
        union all
        select r.checkpoint_id, k.release_id, r.sample_id, if(r.sample_id is null, r.problem_id, null) as problem_id, r.part
        from stage_rows r join checkpoints k using (checkpoint_id)
        """,
    ),
    "lineage": (
        "from a checkpoint to the calls behind each row it was trained on, its ancestors' rows included",
        """
        with recursive ancestry as (
            select checkpoint_id, checkpoint_id as ancestor, parent from checkpoints
            union
            select a.checkpoint_id, p.checkpoint_id, p.parent
            from ancestry a join checkpoints p on p.checkpoint_id = a.parent
        )
        select a.checkpoint_id, a.ancestor, r.release_id, s.sample_id, s.night, s.method, s.problem_id, s.attempt_id,
               unnest(if(len(s.parents) = 0, [null], s.parents)) as call_id
        from ancestry a join reads r on r.checkpoint_id = a.ancestor join samples s using (sample_id)
        """,
    ),
    "taught": (
        "from a row, or a problem without one, to every model that read it, itself or through an ancestor",
        """
        with recursive ancestry as (
            select checkpoint_id, stage, checkpoint_id as ancestor, parent from checkpoints
            union
            select a.checkpoint_id, a.stage, p.checkpoint_id, p.parent
            from ancestry a join checkpoints p on p.checkpoint_id = a.parent
        )
        select r.sample_id, r.problem_id, r.part, a.checkpoint_id, a.stage, a.ancestor, r.release_id
        from ancestry a join reads r on r.checkpoint_id = a.ancestor
        """,
    ),
    "exposed": (
        "which models read what was taken down, themselves or through an ancestor; their weights still know it",
        """
        with gone as (
            select distinct takedown_id, unnest(sample_ids) as id from takedowns
            union select distinct takedown_id, unnest(problem_ids) from takedowns
        )
        select takedown_id, checkpoint_id, any_value(stage) as stage, count(distinct id) as rows,
               bool_or(ancestor = checkpoint_id) as itself,
               checkpoint_id in (select candidate from promotions where decision = 'promoted') as promoted
        from gone join taught on id = coalesce(sample_id, problem_id)
        group by takedown_id, checkpoint_id order by takedown_id, checkpoint_id
        """,
    ),
    "tainted": (
        "which models read rows that are rejected by now (judged again, or a benchmark item), themselves or through an ancestor",
        """
        select checkpoint_id, any_value(stage) as stage, count(distinct sample_id) as rows,
               bool_or(ancestor = checkpoint_id) as itself,
               checkpoint_id in (select candidate from promotions where decision = 'promoted') as promoted
        from taught join decisions d using (sample_id) where d.outcome = 'rejected'
        group by checkpoint_id order by checkpoint_id
        """,
    ),
    "students": (
        "the promoted models, newest first; the first row is the current student",
        """
        select p.candidate as checkpoint_id, p.night, p.reason, k.stage, k.path, c.seq
        from promotions p join commits c using (commit_id) join checkpoints k on k.checkpoint_id = p.candidate
        where p.decision = 'promoted' order by c.seq desc
        """,
    ),
    "pass_rates": (
        "how often a model solves a problem, per model and sampling, with the bucket of filters/rules/difficulty.py",
        """
        with t as (
            select problem_id, model, sampling, count(*) as tries, count(*) filter (where outcome = 'correct') as correct
            from (select distinct problem_id, model, sampling, trial, outcome from trials) group by all
        )
        select *, correct / tries as rate,
               case when correct = 0 then 'unsolved' when correct = tries then 'trivial'
                    when correct / tries <= 0.25 then 'hard' when correct / tries <= 0.75 then 'medium' else 'easy'
               end as bucket
        from t
        """,
    ),
    "difficulty": (
        "the pass rates that still hold: those of the current student; another promotion makes them expire",
        """
        select r.* from pass_rates r
        where r.model = (
            select p.candidate from promotions p join commits c using (commit_id)
            where p.decision = 'promoted' order by c.seq desc limit 1
        )
        """,
    ),
}
"""Comment and query by view, each after those that it reads."""

_RATES = {
    "tries": "answers that were checked",
    "correct": "answers that were right",
    "rate": "correct / tries",
    "bucket": "unsolved, hard, medium, easy or trivial",
}
COLUMN_COMMENTS: dict[str, dict[str, str]] = {
    "reads": {
        "checkpoint_id": "model whose stage read it",
        "sample_id": "row; null for a problem without one",
        "problem_id": "a problem without a row; null for a row",
    },
    "lineage": {
        "checkpoint_id": "model asked about",
        "ancestor": "the model itself or one it was trained from, whose stage read the row",
        "release_id": "release that holds the row",
        "call_id": "a call behind the row, null when there is none",
    },
    "taught": {
        "checkpoint_id": "model that the row reached",
        "stage": "stage that made this model",
        "ancestor": "the model itself or one it was trained from, whose stage read the row",
        "release_id": "release that holds the row",
        "sample_id": "row; null for a problem without one",
        "problem_id": "a problem without a row; null for a row",
    },
    "exposed": {
        "stage": "stage that made the model",
        "rows": "rows that it read and that are gone, problems without a row among them",
        "itself": "whether it read one itself, not through an ancestor only",
        "promoted": "whether it ever was the student",
    },
    "tainted": {
        "stage": "stage that made the model",
        "rows": "rows that it read and that are rejected by now",
        "itself": "whether it read one itself, not through an ancestor only",
        "promoted": "whether it ever was the student",
    },
    "students": {"reason": "why it was promoted", "seq": "commit of its promotion"},
    "pass_rates": _RATES,
    "difficulty": _RATES,
}
"""What their columns mean where no table has a column of that name, or another one."""
