"""The task `passage`: a piece of a document, which methods write questions about; by itself it asks nothing."""

from synth.problems.tasks.open_question import OpenQuestion


class Passage(OpenQuestion):
    """Read by methods that say `tasks=("passage",)`; what else is written about it is of no known worth."""

    name = "passage"
    version = "passage1"
