"""How many tokens a prompt may have at most, before anything is asked: what `nightschool plan` multiplies by calls.

A token is a byte of text at least, in the vocabularies of today, so templates and problems count by their bytes; an earlier
reply that a prompt repeats counts by its limit, with its marks. That is several times what most prompts have: see
`storage.lake.expected` for what they will probably have, and `typical_prompt` where no night says that yet.
"""

import re
from collections.abc import Iterable, Mapping
from statistics import fmean

from synth.calls.prompting import Prompt
from synth.methods.base import Method, Params
from synth.problems.base import Problem

CHAT_TEMPLATE = 256
"""Tokens that a model's chat template adds, a default system message among them."""
REPEATS = 2
"""How often a prompt may hold a text of its problem: a question and, say, a demonstration of its answer."""
TURNS = 30
"""Tokens that a chat template usually adds."""
BYTES_PER_TOKEN = 4.0
"""Of English text, where no call of the role says it."""
_TAG = re.compile(r"\{[%{#].*?[%}#]\}", re.DOTALL)
MARKED = 2
"""Tokens for each token of a reply that is repeated with marks, such as `Step 3: `."""


def longest_prompt(method: Method, params: Params, problem: Problem, prompts: Mapping[str, Prompt], limit: int) -> int:
    """Return the tokens of a method's longest prompt about a problem, at most.

    Args:
        method: The method.
        params: Its parameters.
        problem: What it is about.
        prompts: The prompts as the method sees them.
        limit: The longest reply, in tokens.
    """
    return prompt_tokens(_used(method, params, prompts), problem, method.rereads(params) * limit)


def typical_prompt(
    method: Method,
    params: Params,
    problem: Problem,
    prompts: Mapping[str, Prompt],
    reply: float,
    bytes_per_token: float,
) -> float:
    """Return the tokens that a prompt of a method about a problem probably has: the mean of its prompts.

    Args:
        method: The method.
        params: Its parameters.
        problem: What it is about.
        prompts: The prompts as the method sees them.
        reply: Tokens of a reply; each of the method's own prompts is taken to repeat one.
        bytes_per_token: Bytes of text in a token.
    """
    lengths = (
        TURNS
        + (_bytes(_TAG.sub("", prompt.source)) + _bytes(problem.prompt)) / bytes_per_token
        + (reply if "/" in prompt.name else 0)
        for prompt in _used(method, params, prompts)
    )
    return fmean(lengths)


def _used(method: Method, params: Params, prompts: Mapping[str, Prompt]) -> list[Prompt]:
    used = (f"{method.name}/", *(f"scorers/{getattr(part, 'name', '')}/" for part in method.uses(params)))
    return [prompt for prompt in prompts.values() if prompt.name.startswith(used) or "/" not in prompt.name]


def prompt_tokens(prompts: Iterable[Prompt], problem: Problem, repeated: int) -> int:
    """Return the tokens of the longest of some prompts, at most.

    Args:
        prompts: The prompts.
        problem: What they are about.
        repeated: Tokens of earlier replies that they may repeat.
    """
    template = max((_bytes(prompt.source) for prompt in prompts), default=0)
    texts = _bytes(problem.prompt) + _bytes(problem.gold or "") + _bytes(problem.solution or "")
    return CHAT_TEMPLATE + template + REPEATS * texts + MARKED * repeated


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "replace"))
