"""What nights planned, made, cost and decided."""

VIEWS: dict[str, tuple[str, str]] = {
    "funnel": (
        "per night and method: attempts planned = done + failed, samples made = accepted + rejected",
        """
        with a as (
            select night, method,
                   count(*) filter (where status = 'planned') as planned,
                   count(*) filter (where status = 'done') as done,
                   count(*) filter (where status = 'failed') as failed
            from attempts group by night, method
        ), s as (
            select s.night, s.method, count(*) as made,
                   count(*) filter (where d.outcome = 'accepted') as accepted,
                   count(*) filter (where d.outcome = 'rejected') as rejected
            from samples s left join decisions d using (sample_id) group by s.night, s.method
        )
        select night, method, planned, done, failed, coalesce(made, 0) as made,
               coalesce(accepted, 0) as accepted, coalesce(rejected, 0) as rejected
        from a left join s using (night, method) order by night, method
        """,
    ),
    "training_decisions": (
        "whether to train, asked of the lake: each answer with its figures and why, newest first",
        """
        select runs.night, recipe, (summary->>'$.train')::boolean as train, summary->>'$.why' as why,
               summary->>'$.change.release' as release_id, summary->>'$.change.trained' as trained_before,
               (summary->>'$.change.rows')::bigint as rows, (summary->>'$.change.new_rows')::bigint as new_rows,
               coalesce(summary->>'$.change.new_words', summary->>'$.change.new_tokens')::bigint as new_words,
               (summary->>'$.change.drift')::double as drift,
               (summary->>'$.change.disallowed')::bigint as disallowed, runs.created_at
        from runs join commits c using (commit_id) where event = 'decided' order by c.seq desc
        """,
    ),
    "costs": (
        "per night, method, model and role: calls made, tokens read (cached among them) and written (thoughts among them), server "
        "time, money",
        """
        select night, method, model, role, count(*) as calls, sum(prompt_tokens)::bigint as prompt_tokens,
               sum(cached_tokens)::bigint as cached_tokens, sum(completion_tokens)::bigint as completion_tokens,
               coalesce(sum(thought_tokens), 0)::bigint as thought_tokens, sum(seconds) as seconds, sum(cost) as cost
        from calls where origin = 'made' group by night, method, model, role order by night, method, model, role
        """,
    ),
    "throughput": (
        "accepted rows and tokens per hour of server time, by night and method: the time that calls of a model were open, shared "
        "out among methods by the time of theirs",
        """
        with made as (
            select night, method, model, seconds, completion_tokens, epoch(created_at) as ended
            from calls where origin = 'made' and seconds > 0 and method is not null
        ), ordered as (
            select *, ended - seconds as began, max(ended) over (
                partition by night, model order by ended - seconds rows between unbounded preceding and 1 preceding
            ) as before from made
        ), at_work as (
            select night, model, sum(greatest(0, ended - greatest(began, coalesce(before, began)))) as busy,
                   sum(seconds) as open
            from ordered group by night, model
        ), spent as (
            select m.night, m.method, sum(m.seconds * w.busy / w.open) / 3600 as hours,
                   sum(completion_tokens)::bigint as written
            from made m join at_work w using (night, model) group by m.night, m.method
        ), kept as (
            select night, method, count(*) as accepted, sum(words) as words,
                   if(count(tokens) = count(*), sum(tokens), null) as tokens
            from accepted group by night, method
        )
        select night, method, hours as server_hours, coalesce(accepted, 0) as accepted,
               coalesce(accepted, 0) / hours as accepted_per_hour, coalesce(words, 0) / hours as accepted_words_per_hour,
               if(accepted is null, 0, tokens) / hours as accepted_tokens_per_hour, written / hours as written_tokens_per_hour
        from spent left join kept using (night, method) order by night, method
        """,
    ),
}
"""Comment and query by view, each after those that it reads."""

COLUMN_COMMENTS: dict[str, dict[str, str]] = {
    "funnel": {
        "planned": "attempts planned",
        "done": "attempts that ended well",
        "failed": "attempts that failed",
        "made": "samples written",
        "accepted": "samples that may be trained on",
        "rejected": "samples that may not",
    },
    "training_decisions": {
        "train": "whether to train",
        "why": "in a sentence",
        "release_id": "latest release then",
        "trained_before": "release that was trained on last",
        "rows": "rows of the release",
        "new_rows": "rows of it that the last training did not have",
        "new_words": "words in those, separated by white space",
        "drift": "distance between the mixtures then and now, 0 to 1",
        "disallowed": "rows of the last training that hold a benchmark item by now",
    },
    "costs": {
        "calls": "model calls made",
        "prompt_tokens": "tokens read",
        "cached_tokens": "tokens read that were in the prefix cache",
        "completion_tokens": "tokens written",
        "thought_tokens": "tokens written that were thoughts",
        "seconds": "server time",
        "cost": "money, at the prices of the night",
    },
    "throughput": {
        "server_hours": "hours that calls of the method's models were open, its share of them",
        "accepted": "rows that may be trained on",
        "accepted_per_hour": "accepted rows per hour of server time",
        "accepted_words_per_hour": "their words per hour",
        "accepted_tokens_per_hour": "their tokens, of the model that learns, per hour; null where not every row's are known",
        "written_tokens_per_hour": "tokens that the models wrote for it per hour",
    },
}
"""What their columns mean where no table has a column of that name, or another one."""
