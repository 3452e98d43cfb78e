"""What a method does once a night before its attempts: its artefact is made once, and every attempt is given the same."""

from collections.abc import Sequence
from dataclasses import dataclass

from storage.errors import BudgetError, NightschoolError
from storage.ids import canonical_json, digest
from synth.calls.ask import Asker
from synth.calls.models import Models
from synth.calls.prompting import Replaced
from synth.engines.base import RequestRefused
from synth.methods.base import Artefact, Method, Params
from synth.problems.base import Problem

_NO_PROBLEM = Problem("", "text", "", "", "")


@dataclass(frozen=True)
class Prepared:
    """A method's artefact of one night.

    Attributes:
        name: `method/artefact@digest`, as rows have it among their prompts.
        value: The artefact.
    """

    name: str
    value: Artefact


@dataclass(frozen=True)
class NotPrepared:
    """A method could not prepare: each of its attempts fails with this reason.

    Attributes:
        reason: A stable word.
        detail: The failure in words.
    """

    reason: str
    detail: str


@dataclass(frozen=True)
class Made:
    """An artefact with what it was made from.

    Attributes:
        prepared: The artefact.
        text: Its canonical JSON.
        call_ids: Content keys of the calls behind it, in the order of asking.
        prompts: Prompts that were used, `name@digest`.
    """

    prepared: Prepared
    text: str
    call_ids: tuple[str, ...]
    prompts: tuple[str, ...]


def read_artefact(method: Method, text: str) -> Prepared:
    """Read a stored artefact.

    Raises:
        ValidationError: The method's model has changed since.
    """
    assert method.prepare is not None
    return Prepared(f"{method.name}/artefact@{digest(text, length=12)}", method.prepare.makes.model_validate_json(text))


async def make_artefact(
    method: Method, params: Params, problems: Sequence[Problem], asker: Asker, prompts: Replaced | None = None
) -> Made | NotPrepared:
    """Let a method see the night's problems.

    Args:
        method: A method with a `prepare` step.
        params: Its parameters.
        problems: Every problem that it has attempts on.
        asker: The night's asker; the calls are durable like those of attempts.
        prompts: Files that its entry of the recipe uses instead of prompts.

    Raises:
        ModelServerError: A model cannot be reached; what was answered is in the ledger, so a re-run continues there.
        NightschoolError: The ledger cannot be written, or the like.
    """
    assert method.prepare is not None
    models = Models(asker, _NO_PROBLEM, 0, method.name, prompts)
    ordered = sorted({problem.id: problem for problem in problems}.values(), key=lambda problem: problem.id)
    try:
        value = await method.prepare.run(ordered, models, params)
        if type(value) is not method.prepare.makes:
            raise TypeError(
                f"prepare of {method.name} returned {type(value).__name__}, not {method.prepare.makes.__name__}"
            )
    except RequestRefused as error:
        return NotPrepared(error.reason, str(error))
    except BudgetError as error:
        return NotPrepared("budget", str(error))
    except NightschoolError:
        raise
    except Exception as error:  # the method stumbled over these problems or answers: its attempts fail, not the night
        return NotPrepared("method_error", f"prepare: {type(error).__name__}: {error}")
    text = canonical_json(value.model_dump(mode="json"))
    # what attempts get is what a resumed night reads, not what this process happens to hold
    calls = tuple(dict.fromkeys(reply.call_id for reply in models.replies))
    return Made(read_artefact(method, text), text, calls, tuple(models.used_prompts))
