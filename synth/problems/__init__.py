"""Where problems come from. A problem knows its gold answer; a task checks, solves and reviews; a source draws."""

from synth.answers.outcome import Check, Outcome
from synth.problems.base import Problem, Review, Source, Task
from synth.problems.registry import (
    answer_format_of,
    checker_version,
    checker_versions,
    get_task,
    open_source,
    source_names,
    task_names,
    variants_of,
)

__all__ = [
    "Check",
    "Outcome",
    "Problem",
    "Review",
    "Source",
    "Task",
    "answer_format_of",
    "checker_version",
    "checker_versions",
    "get_task",
    "open_source",
    "source_names",
    "task_names",
    "variants_of",
]
