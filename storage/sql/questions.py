"""The questions that people ask a lake, each as one SELECT to run, read and change."""

from typing import NamedTuple

from storage.errors import QueryError
from storage.unknown_names import unknown


class Question(NamedTuple):
    """A question in words, its short name, and the statement that answers it."""

    name: str
    words: str
    sql: str


QUESTIONS = (
    Question(
        "yield-by-method",
        "How many rows did each method make, and how many were accepted?",
        """select method, sum(made)::bigint as made, sum(accepted)::bigint as accepted,
       round(100 * sum(accepted) / nullif(sum(made), 0), 1) as percent
from funnel group by method order by method""",
    ),
    Question(
        "yield-by-night",
        "And night by night?",
        """select night, method, planned, failed, made, accepted, round(100 * accepted / nullif(made, 0), 1) as percent
from funnel order by night, method""",
    ),
    Question(
        "rejections-by-reason",
        "Why were rows rejected?",
        "select method, reason, count(*) as rows from rejected group by all order by rows desc, method, reason",
    ),
    Question(
        "filters",
        "What did each filter say, whether it decided or not?",
        "select filter, outcome, count(*) as verdicts from verdicts where filter <> 'policy' group by all order by all",
    ),
    Question(
        "failures",
        "Which attempts failed, and why?",
        "select night, method, reason, count(*) as attempts from attempts where status = 'failed' group by all order by all",
    ),
    Question(
        "cost-per-accepted-token",
        "What does an accepted word cost, in tokens written, server seconds and money?",
        """with spent as (
    select method, sum(completion_tokens) as written, sum(seconds) as seconds, sum(cost) as cost
    from calls where origin = 'made' group by method
), kept as (select method, sum(words) as words from accepted group by method)
select method, kept.words::bigint as accepted_words, round(written / kept.words, 2) as written_per_word,
       round(1000 * seconds / kept.words, 3) as seconds_per_1000, round(1000 * cost / kept.words, 6) as cost_per_1000
from kept join spent using (method) order by method""",
    ),
    Question(
        "cost-by-model",
        "What did each model cost?",
        """select model, role, sum(calls)::bigint as calls, sum(prompt_tokens)::bigint as read,
       sum(completion_tokens)::bigint as written, round(sum(seconds), 1) as seconds, round(sum(cost), 4) as cost
from costs group by all order by all""",
    ),
    Question(
        "trained-on",
        "What was each model trained on?",
        """select k.checkpoint_id, k.stage, k.night, k.release_id, s.method, count(*) as rows, sum(s.words)::bigint as words
from reads r join checkpoints k using (checkpoint_id) join samples s using (sample_id)
group by all order by k.night, k.checkpoint_id, s.method""",
    ),
    Question(
        "calls-behind-a-model",
        "How many model calls are behind each model, its ancestors' rows included?",
        """select checkpoint_id, count(distinct sample_id) as rows, count(distinct call_id) as calls,
       count(distinct night) as nights from lineage group by checkpoint_id order by checkpoint_id""",
    ),
    Question(
        "models-of-a-row",
        "Which models were trained on a row? (here: the first row of the first release; put your sample_id)",
        """select sample_id, checkpoint_id, stage, release_id from taught
where sample_id = (select min(sample_id) from release_rows) order by checkpoint_id""",
    ),
    Question(
        "nights-of-a-release",
        "Which nights do the rows of each release come from?",
        """select release_id, s.night, count(*) as rows from release_rows join samples s using (sample_id)
group by all order by all""",
    ),
    Question(
        "drift",
        "How did the mixture move from each release to the next?",
        """with counted as (
    select r.release_id, r.name, r.version, s.method, count(*) as rows
    from releases r join release_rows using (release_id) join samples s using (sample_id) group by all
), shares as (select *, 100 * rows / sum(rows) over (partition by release_id) as percent from counted)
select r.release_id, m.method, coalesce(old.rows, 0) as rows_before, coalesce(new.rows, 0) as rows,
       round(coalesce(new.percent, 0) - coalesce(old.percent, 0), 1) as points
from releases r join (select distinct name, method from counted) m using (name)
left join shares new on new.release_id = r.release_id and new.method = m.method
left join shares old on old.name = r.name and old.version = r.version - 1 and old.method = m.method
where coalesce(new.rows, old.rows) is not null order by r.name, r.version, m.method""",
    ),
    Question(
        "students",
        "Who was promoted, who was refused, and why?",
        """select p.night, decision, candidate, incumbent, reason from promotions p join commits c using (commit_id)
order by c.seq""",
    ),
    Question(
        "accuracy",
        "How well does each model answer the held-out problems, greedily?",
        """select checkpoint_id, task, tier, judge, count(*) as items, round(avg((outcome = 'correct')::int), 3) as accuracy
from evaluations where mode = 'greedy' group by all order by all""",
    ),
    Question(
        "hard-problems",
        "Which problems yield least?",
        """select problem_id, task, count(*) as made, count(*) filter (where outcome = 'accepted') as accepted
from samples join decisions using (sample_id) group by all order by accepted / made, made desc, problem_id limit 20""",
    ),
    Question(
        "lengths",
        "How long are accepted rows?",
        """select method, count(*) as rows, quantile_disc(words, [0.05, 0.5, 0.95]) as words_5_50_95, sum(words)::bigint as words
from accepted group by method order by method""",
    ),
    Question(
        "licences",
        "Under which licences are the problems behind each release?",
        """select release_id, p.license, count(*) as rows from release_rows join samples s using (sample_id)
join problems p using (problem_id) group by all order by all""",
    ),
    Question(
        "writers",
        "Which models wrote the accepted rows?",
        """select coalesce(w.model, '(' || origin || ')') as writer, count(distinct sample_id) as rows
from accepted left join lateral (select unnest(models) as model) w on true group by writer order by rows desc, writer""",
    ),
    Question(
        "sources",
        "Where do the problems come from, and what is held out?",
        "select source, task, split, tier, count(*) as problems from problems group by all order by all",
    ),
    Question(
        "duplicates",
        "Which rows have the most near-duplicates?",
        """select detail->>'$.kept' as kept, count(*) as copies from verdicts
where detail->>'$.kept' is not null group by kept order by copies desc, kept limit 20""",
    ),
    Question(
        "prompts",
        "Which version of a prompt yields most?",
        """with used as (select sample_id, method, unnest(prompts) as prompt from samples)
select method, prompt, count(*) as made, count(*) filter (where outcome = 'accepted') as accepted
from used join decisions using (sample_id) group by all order by all""",
    ),
    Question(
        "history",
        "What has been committed lately?",
        "select seq, created_at, kind, night, rows, key from commits order by seq desc limit 20",
    ),
)


def question(name: str) -> Question:
    """Return a question by its name or its number, 1 to the last.

    Raises:
        QueryError: There is none.
    """
    if name.isdecimal() and len(name) < 4 and 1 <= int(name) <= len(QUESTIONS):
        return QUESTIONS[int(name) - 1]
    for entry in QUESTIONS:
        if entry.name == name:
            return entry
    raise QueryError(unknown("example", name, [entry.name for entry in QUESTIONS]))
