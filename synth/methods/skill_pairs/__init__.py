"""Questions that take two skills of a data set (MATH², arXiv:2407.21009): a model names them, and pairs of them are asked for.

Built from its abstract, in our own words. Once a night the teacher names the skills that some of the night's problems take; skills
of one name are one, with the problems that take it. Each problem of the night then stands for a pair of skills that no problem was
seen to take together, drawn each as often as the other. The teacher writes a question that takes both, shown a problem of each; it
says whether both are needed and whether there is one answer, and a question where not is refused. Several solutions vote for the
answer (`gold_source: vote`).

    -- the skills of a night, and how many problems take each
    select night, skill->>'$.name' as name, json_array_length(skill->'$.problem_ids') as problems
    from (select night, unnest(cast(value->'$.skills' as json[])) as skill from artefacts where method = 'skill_pairs') order by all

Not here: the people who verify and refine each question in the paper.
"""

import re
from collections.abc import AsyncIterator, Sequence
from itertools import combinations

from pydantic import BaseModel, ConfigDict, Field

from storage.ids import seed_from
from synth.calls.models import Models
from synth.calls.together import readable
from synth.engines.base import RequestRefused
from synth.methods.base import Artefact, Preparation, method
from synth.methods.writing import (
    Answered,
    WritingParams,
    answered,
    asked_problem,
    question_fault,
    question_row,
    retells,
    text_of,
)
from synth.problems.base import Problem
from synth.sample import Sample

MOST_WORDS = 6
"""Longest name of a skill, in words; ours."""


class SkillPairsParams(WritingParams):
    """Parameters of `skill_pairs`."""

    labelled: int = Field(64, ge=2, le=4096, description="Problems whose skills are named a night; ours.")


class Named(BaseModel):
    """What the teacher replies for a problem."""

    model_config = ConfigDict(extra="forbid")

    skills: list[str] = Field(
        description="one to three skills, each named in one to six words", min_length=1, max_length=3
    )


class Judged(BaseModel):
    """What the teacher says of a question that it wrote."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(description="where each skill is needed, in a sentence")
    both: bool = Field(description="whether no solution does without one of the skills")
    answerable: bool = Field(description="whether everything that is needed is said, and there is one answer")


class Skill(Artefact):
    """A skill, and the problems that take it."""

    name: str
    problem_ids: tuple[str, ...]


class Pair(Artefact):
    """Two skills by their places in the list, and the problem in whose attempt a question about them is written."""

    first: int
    second: int
    problem_id: str


class Skills(Artefact):
    """The skills of a night, a text of one problem for each, and the pairs that are asked for."""

    skills: tuple[Skill, ...]
    examples: tuple[str, ...]
    pairs: tuple[Pair, ...]


async def name_skills(problems: Sequence[Problem], models: Models, params: SkillPairsParams) -> Skills:
    """Name the skills that some problems take, and draw pairs of them."""
    drawn = sorted(problems, key=lambda problem: seed_from("labelled", problem.id, params.seed))[: params.labelled]
    replies = await readable(
        models.about(problem).teacher("name", schema=Named, max_tokens=params.max_tokens) for problem in drawn
    )
    names: dict[str, str] = {}
    takes: dict[str, list[Problem]] = {}
    for problem, reply in zip(drawn, replies, strict=True):
        for name in [] if reply is None else map(_clean, reply.value.skills):
            if name and len(name.split()) <= MOST_WORDS:
                key = names.setdefault(_key(name), name)
                takes.setdefault(key, []).append(problem)
    skills = [
        Skill(name=name, problem_ids=tuple(dict.fromkeys(problem.id for problem in takes[name]))) for name in takes
    ]
    apart = [
        (first, second)
        for first, second in combinations(range(len(skills)), 2)
        if not set(skills[first].problem_ids) & set(skills[second].problem_ids)
    ]
    if not apart:
        raise RequestRefused("no_skills", "the teacher named no two skills of different problems")
    apart.sort(key=lambda pair: seed_from("pair", *pair, params.seed))
    slots = sorted(problems, key=lambda problem: seed_from("slot", problem.id, params.seed))
    pairs = [
        Pair(first=apart[number % len(apart)][0], second=apart[number % len(apart)][1], problem_id=problem.id)
        for number, problem in enumerate(slots)
    ]
    return Skills(
        skills=tuple(skills), examples=tuple(takes[skill.name][0].prompt for skill in skills), pairs=tuple(pairs)
    )


def _clean(name: str) -> str:
    return " ".join(name.split()).strip(" .*_-\"'")


def _key(name: str) -> str:
    """What two names of one skill have in common: their words without endings of the plural, in any order."""
    words = re.findall(r"[^\W_]+", name.casefold())
    return " ".join(sorted(word[:-1] if len(word) > 3 and word.endswith("s") else word for word in words))


@method(
    "skill_pairs",
    paper="arXiv:2407.21009",
    makes=("sft",),
    roles=("teacher",),
    tasks=("arithmetic", "math_word"),
    params=SkillPairsParams,
    calls=lambda params: {"teacher": 2 + params.samples},
    rereads=lambda params: 2,
    prepare=Preparation(
        name_skills, Skills, calls=lambda params, problems: {"teacher": min(problems, params.labelled)}
    ),
)
async def skill_pairs(
    problem: Problem, models: Models, params: SkillPairsParams, known: Skills
) -> AsyncIterator[Sample]:
    """The teacher writes a problem that takes two skills of the night's; it is solved by vote, if enough solutions agree."""
    pair = next(pair for pair in known.pairs if pair.problem_id == problem.id)
    names = [known.skills[place].name for place in (pair.first, pair.second)]
    examples = [known.examples[place] for place in (pair.first, pair.second)]
    skills = list(zip(names, examples, strict=True))
    written = await models.teacher("write", skills=skills, **params.sampling)
    question, parts = text_of(written), [written]
    asked = asked_problem(problem, question)
    fault = question_fault(question, written, models.source("write"), [problem.prompt, *examples], numeric=True)
    if fault is None and retells(question, examples):
        fault = "retells_example"
    if fault is None:
        (judged,) = await readable(
            [models.teacher("judge", problem=asked, skills=names, schema=Judged, max_tokens=params.max_tokens)]
        )
        parts += [judged] if judged is not None else []
        fault = _fault(None if judged is None else judged.value)
    outcome = Answered(fault=fault) if fault else await answered(asked, models, params)
    yield question_row(asked, models, [*parts[1:], written], outcome, {"skills": names})


def _fault(judged: Judged | None) -> str | None:
    if judged is None:
        return "unreadable_judgement"
    if not judged.answerable:
        return "not_answerable"
    return None if judged.both else "one_skill_does"
