"""What a morning report asks the lake about one night: figures, rows to read with what is behind them, the last nights.

Figures are counted in DuckDB and rows are picked there by id, so that a night of a million rows brings back no more
than one of a thousand. The policy's decisions on tonight's rows are looked up once, into a temporary table. Every verdict has the
night of its row, so that only files with verdicts on that night are read.
"""

import json
from collections.abc import Sequence
from typing import Any

from storage.errors import LakeError
from storage.lake.lake import Lake

_TONIGHT = """
    create or replace temp table tonight as
    with mine as (
        select sample_id, method, kind, task, tier, words, problem_id, attempt_id from samples where night = $1
    ), decided as (
        select v.sample_id, v.outcome, v.reason from verdicts v join commits c using (commit_id)
        where v.filter = 'policy' and v.night = $1 and v.sample_id in (select sample_id from mine)
        qualify row_number() over (partition by v.sample_id order by c.seq desc) = 1
    )
    select m.*, coalesce(d.outcome, 'undecided') as outcome, d.reason from mine m left join decided d using (sample_id)
"""
_SPREAD = """
    select sample_id from (
        select sample_id, {group} as grouped,
               row_number() over (partition by {group}, task, tier order by sample_id) as turn
        from tonight where {condition}
    )
    qualify row_number() over (partition by grouped order by turn, sample_id) <= ? order by grouped, turn, sample_id
"""
"""Picks of every task and tier in turn. Ids are digests, so their order has nothing to do with what a row says."""


class Overview:
    """One night, as its report shows it.

    Args:
        lake: The lake, open for reading.
        night: The night, `date/recipe`.
    """

    def __init__(self, lake: Lake, night: str) -> None:
        self._lake = lake
        self.night = night
        lake.query(_TONIGHT, [night])

    def funnel(self) -> list[dict[str, Any]]:
        """Attempts planned = done + failed, samples made = accepted + rejected, and accepted words, per method."""
        return self._lake.rows(
            """
            with a as (
                select method, count(*) filter (where status = 'planned') as planned,
                       count(*) filter (where status = 'done') as done, count(*) filter (where status = 'failed') as failed
                from attempts where night = $1 group by method
            ), s as (
                select method, count(*) as made, count(*) filter (where outcome = 'accepted') as accepted,
                       count(*) filter (where outcome = 'rejected') as rejected,
                       (coalesce(sum(words) filter (where outcome = 'accepted'), 0))::bigint as accepted_words
                from tonight group by method
            )
            select method, planned, done, failed, coalesce(made, 0) as made, coalesce(accepted, 0) as accepted,
                   coalesce(rejected, 0) as rejected, coalesce(accepted_words, 0) as accepted_words
            from a left join s using (method) order by planned desc, method
            """,
            [self.night],
        )

    def reasons(self) -> list[dict[str, Any]]:
        """Why attempts failed and rows were rejected, with counts, most frequent first."""
        return self._lake.rows(
            """
            select 'failed' as what, method, reason, count(*) as rows from attempts
            where night = $1 and status = 'failed' group by all
            union all
            select 'rejected', method, reason, count(*) from tonight where outcome = 'rejected' group by all
            order by rows desc, method, reason
            """,
            [self.night],
        )

    def costs(self) -> list[dict[str, Any]]:
        """What the night paid for, by method, model and role."""
        return self._lake.rows(
            """
            select method, model, role, count(*) as calls, coalesce(sum(prompt_tokens), 0)::bigint as prompt_tokens,
                   coalesce(sum(completion_tokens), 0)::bigint as completion_tokens,
                   coalesce(sum(thought_tokens), 0)::bigint as thought_tokens,
                   coalesce(sum(seconds), 0) as seconds, coalesce(sum(cost), 0) as cost,
                   count(*) filter (sampling->>'$.usage' = 'estimated') as estimated
            from calls where night = ? and origin = 'made' group by method, model, role order by method, role, model
            """,
            [self.night],
        )

    def throughput(self) -> list[dict[str, Any]]:
        """Accepted rows and tokens per hour of server time, by method."""
        return self._lake.rows("select * exclude (night) from throughput where night = ? order by method", [self.night])

    def rubric_scores(self) -> list[dict[str, Any]]:
        """How models graded the night's rows: scores from 1 to 5 by method and aspect."""
        return self._lake.rows(
            """
            select t.method, r.aspect, r.model, count(score) as graded, avg(score) as mean,
                   avg((score >= 4)::int) as good, count(*) - count(score) as unread
            from rubric_scores r join tonight t using (sample_id) group by all order by all
            """
        )

    def thought_lengths(self) -> list[dict[str, Any]]:
        """How long the night's answers are and how much of them was needed, by method and model."""
        return self._lake.rows("select * exclude (night) from thought_lengths where night = ?", [self.night])

    def calibrations(self) -> list[dict[str, Any]]:
        """How far the judges of the night's methods agree with the checker."""
        return self._lake.rows(
            "select * exclude (night, commit_id) from calibrations where night = ? order by method, scorer",
            [self.night],
        )

    def failures(self, most: int) -> list[dict[str, Any]]:
        """Some failed attempts of each reason, in words."""
        return self._lake.rows(
            """
            select a.method, a.reason, a.detail, a.attempt_id, p.prompt from attempts a left join problems p using (problem_id)
            where a.night = ? and a.status = 'failed'
            qualify row_number() over (partition by a.method, a.reason order by a.attempt_id) <= ?
            order by a.method, a.reason, a.attempt_id
            """,
            [self.night, most],
        )

    def accepted(self, most: int) -> list[str]:
        """Ids of some accepted rows of each method, every task and tier in turn."""
        return self._ids(_SPREAD.format(group="method", condition="outcome = 'accepted'"), [most])

    def rejected(self, most: int, reasons: Sequence[str]) -> list[str]:
        """Ids of some rejected rows of each method and reason, for these reasons."""
        return self._ids(
            _SPREAD.format(
                group="method || ' ' || reason",
                condition="outcome = 'rejected' and reason in (select unnest(?::varchar[]))",
            ),
            [list(reasons), most],
        )

    def left_out(self) -> list[dict[str, Any]]:
        """Rows of the sources that made no problem: by source and reason how many, and the first lines, with what was kept."""
        return self._lake.rows(
            """
            select source, reason, count(*) as rows,
                   list(line || if(kept_line is null, '', ' (' || kept_line || ')') order by line)[:12] as lines
            from left_out where night = ? group by all order by all
            """,
            [self.night],
        )

    def lengths(self) -> list[dict[str, Any]]:
        """Return how long accepted rows are, in words: 5, 25, 50, 75 and 95 % of each method's rows are at most so long."""
        return self._lake.rows(
            "select method, count(*) as rows, quantile_disc(words, [0.05, 0.25, 0.5, 0.75, 0.95]) as words from tonight "
            "where outcome = 'accepted' and words is not null group by method order by method"
        )

    def duplicates(self, most: int) -> list[dict[str, Any]]:
        """Rows that were rejected as duplicates, with the row that was kept; the least alike first, exact ones last."""
        return self._lake.rows(
            """
            select v.sample_id, v.filter, (v.detail->>'$.kept') as kept, (v.detail->>'$.night') as kept_night,
                   (v.detail->>'$.similarity')::double as similarity,
                   coalesce((v.detail->>'$.estimated')::boolean, false) as estimated
            from verdicts v join tonight t using (sample_id)
            where v.night = ? and v.outcome = 'fail' and (v.detail->>'$.kept') is not null and t.outcome = 'rejected'
            qualify row_number() over (
                partition by v.sample_id order by v.filter <> split_part(t.reason, ':', 1), similarity nulls last
            ) = 1
            order by similarity nulls last, v.sample_id limit ?
            """,
            [self.night, most],
        )

    def rows(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return rows by id, each with its problem, its verdicts and the calls behind it, in the order of the dialogue."""
        samples = self._lake.rows(
            """
            select s.* exclude (commit_id), p.prompt, p.gold from samples s left join problems p using (problem_id)
            where s.sample_id in (select unnest(?::varchar[])) qualify row_number() over (partition by s.sample_id) = 1
            """,
            [list(ids)],
        )
        verdicts = self._verdicts(ids, sorted({row["night"] for row in samples}))
        calls = self._calls(sorted({call for row in samples for call in row["parents"] or []}))
        for row in samples:
            row["verdicts"] = verdicts.get(row["sample_id"], [])
            row["calls"] = [calls[call] for call in row["parents"] or [] if call in calls]
        by_id = {row["sample_id"]: row for row in samples}
        return {identity: by_id[identity] for identity in ids if identity in by_id}

    def _verdicts(self, ids: Sequence[str], of_nights: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
        rows = self._lake.rows(
            f"""
            select v.sample_id, v.filter, v.outcome, v.reason, v.detail from observations v join commits c using (commit_id)
            where v.night in ({", ".join("?" * len(of_nights)) or "null"}) and v.sample_id in (select unnest(?::varchar[]))
            qualify row_number() over (partition by v.sample_id, v.filter order by c.seq desc) = 1
            order by v.sample_id, v.filter = 'policy', v.filter
            """,
            [*of_nights, list(ids)],
        )
        by_sample: dict[str, list[dict[str, Any]]] = {}
        for row in rows:
            by_sample.setdefault(row["sample_id"], []).append(row)
        return by_sample

    def _calls(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        rows = self._lake.rows(
            """
            select call_id, role, act, model, messages, response, reasoning, finish_reason, prompt_tokens,
                   completion_tokens, night from calls where call_id in (select unnest(?::varchar[]))
            qualify row_number() over (partition by call_id) = 1
            """,
            [list(ids)],
        )
        return {row["call_id"]: row for row in rows}

    def _ids(self, statement: str, parameters: Sequence[Any]) -> list[str]:
        return [row["sample_id"] for row in self._lake.rows(statement, parameters)]

    def runs(self) -> dict[str, dict[str, Any]]:
        """Return, for `night` and `train`, when it began and ended, what was pinned and decided, its figures, why it stopped."""
        rows = self._lake.rows(
            """
            select split_part(run_id, '/', 1) as run, min(r.created_at) as began,
                   max(r.created_at) filter (where event = 'finished') as ended,
                   arg_max(pinned, c.seq) filter (where event = 'pinned') as pinned,
                   arg_max(summary, c.seq) filter (where event = 'finished') as summary,
                   arg_max(summary, c.seq) filter (where event = 'decided') as decided,
                   case arg_max(event, c.seq) when 'stopped' then arg_max(summary, c.seq) end as stopped
            from runs r join commits c using (commit_id) where r.night = ? group by 1
            """,
            [self.night],
        )
        texts = ("pinned", "summary", "decided", "stopped")
        return {
            row["run"]: {**row, **{name: json.loads(row[name]) if row[name] else None for name in texts}}
            for row in rows
        }

    def history(self, most: int) -> list[dict[str, Any]]:
        """Return the figures that the last nights of this recipe ended with, oldest first, this night among them."""
        date, _, recipe = self.night.partition("/")
        rows = self._lake.rows(
            """
            select night, arg_max(summary, r.created_at) filter (where run_id like 'night/%') as summary,
                   arg_max(summary, r.created_at) filter (where run_id like 'train/%') as training
            from runs r where event = 'finished' and split_part(night, '/', 2) = ? and split_part(night, '/', 1) <= ?
            group by night order by night desc limit ?
            """,
            [recipe, date, most],
        )
        decided = self._promotions([row["night"] for row in rows])
        return [
            {
                "night": row["night"],
                **{name: json.loads(row[name]) if row[name] else None for name in ("summary", "training")},
                "promotion": decided.get(row["night"]),
            }
            for row in reversed(rows)
        ]

    def _promotions(self, nights: Sequence[str]) -> dict[str, dict[str, Any]]:
        rows = self._lake.rows(
            "select p.* exclude (commit_id) from promotions p join commits c using (commit_id) "
            "where p.night in (select unnest(?::varchar[])) "
            "qualify row_number() over (partition by p.night order by c.seq desc) = 1",
            [list(nights)],
        )
        return {row["night"]: {**row, "figures": json.loads(row["figures"])} for row in rows}

    def promotion(self) -> dict[str, Any] | None:
        """Return the night's last decision about a model, with its figures; where that was to wait, what became of it since."""
        decision = self._promotions([self.night]).get(self.night)
        if decision is None or decision["decision"] != "waiting":
            return decision
        later = self._lake.rows(
            "select p.decision, p.reason from promotions p join commits c using (commit_id) where p.candidate = ? "
            "order by c.seq desc limit 1",
            [decision["candidate"]],
        )
        return {**decision, **later[0]}

    def checkpoints(self) -> list[dict[str, Any]]:
        """Return the checkpoints that the night's training made, in order."""
        return self._lake.rows(
            "select checkpoint_id, stage, parent, release_id, path, metrics from checkpoints "
            "where night = ? and stage <> 'base' order by created_at",
            [self.night],
        )

    def curves(self, checkpoints: Sequence[str]) -> dict[str, dict[str, list[tuple[int, float]]]]:
        """Return loss, reward and how responses behaved over the steps, by checkpoint and metric."""
        rows = self._lake.rows(
            "select distinct checkpoint_id, metric, step, value from curves where (metric in ('loss', 'reward') "
            "or metric like 'behaviour/%') and checkpoint_id in (select unnest(?::varchar[])) order by checkpoint_id, metric, step",
            [list(checkpoints)],
        )
        by_checkpoint: dict[str, dict[str, list[tuple[int, float]]]] = {}
        for row in rows:
            by_checkpoint.setdefault(row["checkpoint_id"], {}).setdefault(row["metric"], []).append(
                (row["step"], row["value"])
            )
        return by_checkpoint

    def release(self) -> dict[str, Any] | None:
        """Return the release that the night made."""
        rows = self._lake.rows(
            "select release_id, rows, content_hash, path, manifest from releases where night = ? order by version desc limit 1",
            [self.night],
        )
        return {**rows[0], "manifest": json.loads(rows[0]["manifest"])} if rows else None


def find_night(lake: Lake, text: str | None = None) -> str:
    """Return the night that `text` means: an id, a date on which one recipe ran, or (None) the night begun last.

    Raises:
        LakeError: There is none, or a date has several.
    """
    nights = [
        row["night"]
        for row in lake.rows(
            "select r.night from runs r join commits c using (commit_id) where r.night is not null "
            "and ($1 is null or r.night = $1 or split_part(r.night, '/', 1) = $1) group by r.night order by min(c.seq) desc",
            [text],
        )
    ]
    if text is None and nights:
        return str(nights[0])
    if len(nights) == 1:
        return str(nights[0])
    if nights:
        raise LakeError(f"several recipes ran on {text}: {', '.join(sorted(nights))}; name one of them")
    nights = lake.rows("select night from runs where night is not null group by night order by night desc limit 5")
    listed = ", ".join(row["night"] for row in nights) or "none yet"
    raise LakeError(f"no night {text!r}; the last ones are {listed}" if text else "no night has run yet")
