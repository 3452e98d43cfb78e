"""The errors a user can meet, one flat vocabulary.

Each is named after the boundary that was crossed. Its message says what is wrong (key and value) and what would be
right; the command line prints that message and nothing else.
"""


class NightschoolError(Exception):
    """Base of every error that is reported as a sentence instead of a traceback."""


class RecipeError(NightschoolError):
    """A recipe, or a value set on the command line, cannot be used."""


class PinError(NightschoolError):
    """What was pinned at a night's first start is not what is here now."""


class ProblemError(NightschoolError):
    """A problem source is missing, broken or empty, or a gold answer does not verify against itself."""


class WorkspaceError(NightschoolError):
    """The workspace is missing, in use, or of another format."""


class LakeError(NightschoolError):
    """A commit or a query against the lake failed."""


class LeaseError(NightschoolError):
    """A lease is held by somebody else, or was lost to somebody else."""


class QueryError(NightschoolError):
    """An SQL statement was refused or failed."""


class ModelServerError(NightschoolError):
    """A model server refused a request or could not be reached."""


class OrchestratorError(NightschoolError):
    """The Prefect server cannot be reached."""


class BudgetError(NightschoolError):
    """A recipe's budget is used up; what was made is kept."""


class CheckpointError(NightschoolError):
    """A checkpoint is missing, incomplete, or not what its digest says."""


class TrainingError(NightschoolError):
    """A training stage cannot start or cannot go on."""
