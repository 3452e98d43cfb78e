"""The problems of accepted rows of other nights that could be a problem of tonight: of the same task and answer."""

from collections.abc import Iterable

from filters.past_problems import PastProblem
from storage.lake.lake import Lake
from synth.problems.base import Problem


def past_problems(lake: Lake, night: str, problems: Iterable[Problem]) -> list[PastProblem]:
    """Return the problems of rows accepted in other nights that have the task and the answer of one of these.

    What tonight's own problems are is left out, in whatever night they were drawn first.
    """
    tonight = list(problems)
    wanted = sorted({(problem.task, problem.gold) for problem in tonight})
    rows = lake.rows(
        "with wanted as (select unnest($1::varchar[]) as task, unnest($2::varchar[]) as gold), "
        "own as (select unnest($3::varchar[]) as problem_id), "
        "alike as (select problem_id, any_value(prompt) as prompt, any_value(task) as task, any_value(gold) as gold "
        "from problems semi join wanted using (task, gold) anti join own using (problem_id) group by problem_id) "
        "select prompt, p.task, gold, min(sample_id) as sample_id, arg_min(night, sample_id) as night "
        "from accepted s join alike p using (problem_id) where night <> $4 group by problem_id, prompt, p.task, gold "
        "order by sample_id",
        [[task for task, _ in wanted], [gold for _, gold in wanted], [problem.id for problem in tonight], night],
    )
    return [PastProblem(**row) for row in rows]
