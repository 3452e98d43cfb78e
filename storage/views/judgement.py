"""What filters, models and people say of rows, and what was decided."""

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
}
"""Comment and query by view, each after those that it reads."""

_RUBRIC = {
    "aspect": "correctness or clarity",
    "score": "1 (worst) to 5; null when none could be read",
    "reason": "stable word for why there is no score",
    "call_id": "the call behind it",
    "model": "identity of the model that graded",
}
COLUMN_COMMENTS: dict[str, dict[str, str]] = {
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
    "search_nodes": {
        "node": "its place in the tree: 0 is the root, 0.2 its third child",
        "parent": "the node that it comes after, null for the root",
        "step": "the step as the model wrote it",
        "value": "share of the completions through it that ended right, 0 to 1",
        "visits": "completions through it",
        "ends_right": "whether the solution that ends here is right, null where none does",
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
    "decisions": {"outcome": "accepted or rejected"},
    "reviewed": {"reviewers": "people who reviewed it", "accepting": "those of them who accept it"},
    "rejected": {"reason": "stable word for why not"},
}
"""What their columns mean where no table has a column of that name, or another one."""
