"""The views of the lake that people query, each with a comment."""

RENAMED_FILTERS = {"own_rule": "method_rejection", "judge": "rubric"}
"""Filters that had another name: the verdicts of their nights keep it, and `observations` shows the name of today."""


def _renamed(column: str, end: str = "") -> str:
    """SQL that puts a filter's name of today in the place of an older one with which a column begins (and then `end`)."""
    cases = " ".join(
        f"when starts_with({column}, '{old}{end}') then '{new}' || {column}[{len(old) + 1}:]"
        if end
        else f"when {column} = '{old}' then '{new}'"
        for old, new in RENAMED_FILTERS.items()
    )
    return f"case {cases} else {column} end"


VIEWS: dict[str, tuple[str, str]] = {
    "observations": (
        "verdicts, with the names that filters have today",
        f"""
        select sample_id, {_renamed("filter")} as filter, version, outcome,
               if(filter = 'policy', {_renamed("reason", ":")}, reason) as reason, detail, night, commit_id
        from verdicts
        """,
    ),
    "rubric_scores": (
        "how models grade rows by a rubric, 1 (worst) to 5; whether that may reject is in the verdicts of the filter rubric",
        """
        select subject_id as sample_id, name as aspect, value::bigint as score, if(value is null, text, null) as reason,
               call_ids[1] as call_id, model, night, commit_id
        from evidence where subject = 'sample' and kind = 'rubric'
        """,
    ),
    "judgements": ("rubric_scores, under the name that they had before format 3", "select * from rubric_scores"),
    "scores": (
        "what scorers say of rows, those among them that were not chosen: one score per row and scorer",
        """
        select subject_id as sample_id, name as scorer, version, value, text as reason, call_ids, model, night, commit_id
        from evidence where subject = 'sample' and kind = 'score'
        """,
    ),
    "calibrations": (
        "how far the judges of methods agree with people and the checker, per night and method; what may not decide has a low "
        "interval",
        """
        select night, method, judge->>'$.scorer' as scorer, judge->>'$.version' as version,
               (judge->'$.models')::varchar[] as models, (judge->>'$.pairs')::bigint as pairs,
               coalesce((judge->>'$.by_people')::bigint, 0) as by_people,
               (judge->>'$.agreement')::double as agreement,
               (judge->>'$.agreement_interval[0]')::double as agreement_low,
               (judge->>'$.agreement_interval[1]')::double as agreement_high,
               (judge->>'$.position_bias')::double as position_bias, (judge->>'$.consistency')::double as consistency,
               (judge->>'$.attacked')::double as attacked, (judge->>'$.attacked_interval[0]')::double as attacked_low,
               (judge->>'$.own_family')::boolean as own_family, commit_id
        from (select night, method, commit_id, unnest(try(value->'$.judges')::json[]) as judge from artefacts)
        """,
    ),
    "thought_lengths": (
        "how long answers are and how much of them was needed (overthinking, arXiv:2412.21187), by night, method and model",
        """
        select s.night, s.method, s.models[-1] as model, count(distinct s.sample_id) as answers,
               avg(value) filter (where scorer = 'length') as words,
               avg(value) filter (where scorer = 'answer') as right_share,
               avg(value) filter (where scorer = 'outcome_efficiency') as outcome_efficiency,
               avg(value) filter (where scorer = 'process_efficiency') as process_efficiency
        from scores join samples s using (sample_id) group by all
        having count(value) filter (where scorer in ('outcome_efficiency', 'process_efficiency')) > 0
        order by all
        """,
    ),
    "search_nodes": (
        "trees of methods that search, one row a node: a solution up to a step, and how often completions through it end right",
        """
        select s.sample_id, s.night, s.method, s.problem_id, n->>'$.node' as node, n->>'$.parent' as parent,
               n->>'$.step' as step, (n->>'$.value')::double as value, (n->>'$.visits')::bigint as visits,
               (n->>'$.right')::boolean as ends_right
        from (select *, unnest(try((notes->'$.tree')::json[])) as n from samples where contains(notes, '"tree"')) s
        """,
    ),
    "perplexities": (
        "how likely rows are to the model of the filter perplexity, which is exp(-logprob / tokens)",
        """
        select subject_id as sample_id, try(text->>'$.logprob')::double as logprob,
               try(text->>'$.tokens')::bigint as tokens, if(value is null, text, null) as reason,
               call_ids[1] as call_id, model, night, commit_id
        from evidence where subject = 'sample' and kind = 'perplexity'
        """,
    ),
    "trials": (
        "checked attempts of models at problems: what pass rates are counted from",
        """
        select subject_id as problem_id, model, version as sampling, name as trial, text as outcome, night, commit_id
        from evidence where subject = 'problem' and kind = 'trial'
        """,
    ),
    "looks": ("promotion_looks, under the name that they had before format 3", "select * from promotion_looks"),
    "decisions": (
        "the policy's last decision on every sample",
        """
        select v.sample_id, v.outcome, v.reason, v.version, v.night
        from observations v join commits c using (commit_id)
        where v.filter = 'policy'
        qualify row_number() over (partition by v.sample_id order by c.seq desc) = 1
        """,
    ),
    "last_reviews": (
        "what each person said of a row last; notes without a verdict aside",
        """
        select r.sample_id, r.reviewer, r.verdict, r.draw_id, r.decision, r.created_at
        from reviews r join commits c using (commit_id) where r.verdict is not null
        qualify row_number() over (partition by r.sample_id, r.reviewer order by c.seq desc, r.created_at desc) = 1
        """,
    ),
    "reviewed": (
        "what people say of a row together: accept where all do, reject where one does",
        """
        select sample_id, if(bool_and(verdict = 'accept'), 'accept', 'reject') as verdict, count(*) as reviewers,
               count(*) filter (where verdict = 'accept') as accepting, max(created_at) as created_at
        from last_reviews group by sample_id
        """,
    ),
    "accepted": (
        "rows that may be trained on",
        "select s.* from samples s join decisions d using (sample_id) where d.outcome = 'accepted'",
    ),
    "rejected": (
        "rows that may not, with the reason",
        "select s.*, d.reason from samples s join decisions d using (sample_id) where d.outcome = 'rejected'",
    ),
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

_RATES = {
    "tries": "answers that were checked",
    "correct": "answers that were right",
    "rate": "correct / tries",
    "bucket": "unsolved, hard, medium, easy or trivial",
}
_RUBRIC = {
    "aspect": "correctness or clarity",
    "score": "1 (worst) to 5; null when none could be read",
    "reason": "stable word for why there is no score",
    "call_id": "the call behind it",
    "model": "identity of the model that graded",
}
COLUMN_COMMENTS: dict[str, dict[str, str]] = {
    "funnel": {
        "planned": "attempts planned",
        "done": "attempts that ended well",
        "failed": "attempts that failed",
        "made": "samples written",
        "accepted": "samples that may be trained on",
        "rejected": "samples that may not",
    },
    "rejected": {"reason": "stable word for why not"},
    "decisions": {"outcome": "accepted or rejected"},
    "reviewed": {"reviewers": "people who reviewed it", "accepting": "those of them who accept it"},
    "rubric_scores": _RUBRIC,
    "judgements": _RUBRIC,
    "scores": {
        "scorer": "who scored: answer, length, vote, rubric, ...",
        "version": "version of the scorer; scores of different versions are not compared",
        "value": "the number in the scorer's own unit; null when there is none",
        "reason": "stable word for the value (own_family: by a model of the writer's family), or for why there is none",
        "call_ids": "calls behind it",
        "model": "identity of the model that was asked, null for none",
    },
    "calibrations": {
        "scorer": "the judge",
        "version": "version of the scorer",
        "models": "identities of the models that judged",
        "pairs": "pairs of a right and a wrong answer that it was measured on",
        "by_people": "those of them that people told apart by their reviews; the checker knows the others",
        "agreement": "share of verdicts that name the right one",
        "agreement_low": "lower end of its 95 % interval",
        "agreement_high": "upper end of its 95 % interval",
        "position_bias": "P(right one named | shown first) - P(right one named | shown second); null for a judge of single answers",
        "consistency": "share of pairs with the same verdict in both orders; null likewise",
        "attacked": "agreement where the wrong answer addresses the judge",
        "attacked_low": "lower end of its 95 % interval",
        "own_family": "whether it judged answers of its own family of models",
    },
    "thought_lengths": {
        "model": "identity of the model that wrote the answers",
        "answers": "candidates that were scored, chosen or not",
        "words": "mean length, thoughts included",
        "right_share": "share of right answers among those that can be decided",
        "outcome_efficiency": "mean share of the words up to the first right solution (ξ_O)",
        "process_efficiency": "mean share of the words in solutions that calculate something new (ξ_P)",
    },
    "perplexities": {
        "logprob": "sum of the natural log-probabilities of the tokens of what is learned",
        "tokens": "tokens that were scored",
        "reason": "stable word for why there is no score",
        "call_id": "the call behind it",
    },
    "trials": {
        "model": "identity of the model that tried",
        "sampling": "its sampling parameters without the seed, JSON",
        "trial": "what tells this trial from others: the call, or where a rollout came from",
        "outcome": "correct, wrong or unverifiable",
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
    "search_nodes": {
        "node": "its place in the tree: 0 is the root, 0.2 its third child",
        "parent": "the node that it comes after, null for the root",
        "step": "the step as the model wrote it",
        "value": "share of the completions through it that ended right, 0 to 1",
        "visits": "completions through it",
        "ends_right": "whether the solution that ends here is right, null where none does",
    },
    "students": {"reason": "why it was promoted", "seq": "commit of its promotion"},
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
    "pass_rates": _RATES,
    "difficulty": _RATES,
}
"""What a view's columns mean where no table has a column of that name, or another one."""
