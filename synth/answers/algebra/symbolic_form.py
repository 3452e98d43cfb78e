r"""Answers as mathematics: what may be handed to a computer algebra system at all, and in which form.

Model text is data. Only answers made of a short list of signs, functions and LaTeX commands, within limits on length,
nesting and digits, get past `expression`; everything else is unverifiable. Decimals become fractions, so that nothing is
ever compared by rounding.
"""

import re

MAX_LENGTH = 200
MAX_NESTING = 12
MAX_DIGITS = 30  # of one number
MAX_POWERS = 6  # signs of power in one answer

_COMMANDS = frozenset(
    {
        "frac",
        "sqrt",
        "pi",
        "cdot",
        "times",
        "div",
        "ln",
        "log",
        "sin",
        "cos",
        "tan",
        "cot",
        "sec",
        "csc",
        "arcsin",
        "arccos",
        "arctan",
        "exp",
        "infty",
        "e",
        "left",
        "right",
    }
)
_FUNCTIONS = frozenset({"sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan", "ln", "log", "exp"})
_WORDS = frozenset({"and", "or", "not", "is", "the"})
_UNICODE = str.maketrans(
    {"π": r"\pi ", "∞": r"\infty ", "×": r"\cdot ", "·": r"\cdot ", "⋅": r"\cdot ", "÷": "/", "−": "-", "–": "-"}
    | {"²": "^{2}", "³": "^{3}"}
)
_ALLOWED = re.compile(r"[A-Za-z0-9+\-*/^()\[\]{}.\\ !|]*")
_WRAPPERS = (("$", "$"), (r"\(", r"\)"), (r"\[", r"\]"), ("**", "**"))
_SPACING = re.compile(r"\\[,;:! ]|\\(?:quad|qquad|displaystyle|limits)\b|~")
_SIZED = re.compile(r"\\(?:left|right|big|Big|bigl|bigr)\b\s*")
_FRACTION = re.compile(r"\\[dtc]frac\b")
_BARE_FRACTION = re.compile(r"\\frac\s*(\d)\s*(\d)")
_ROOT = re.compile(r"(?<![A-Za-z\\])sqrt\s*\(([^()]*)\)")
_ROOT_SIGN = re.compile(r"√\s*(\(?[A-Za-z0-9]+\)?)")
_WORD = re.compile(r"\\?[A-Za-z]+")
_DECIMAL = re.compile(r"(?<![\d.])(\d*)\.(\d+)(?![\d.])")
_TEXT = re.compile(r"\\(?:text|mathrm|textbf|mathbf|mathit|rm)\s*\{\s*([^{}]*?)\s*\}")


def bare(text: str) -> str:
    """Take off what says nothing: dollar signs and the like around it, spacing, sizes of brackets, a final full stop."""
    text = text.strip()
    before = None
    while before != text:
        before = text
        for left, right in _WRAPPERS:
            if text.startswith(left) and text.endswith(right) and len(text) >= len(left) + len(right) + 1:
                inner = text[len(left) : len(text) - len(right)]
                if left not in inner and right not in inner:
                    text = inner.strip()
        boxed = re.fullmatch(r"\\boxed\s*\{(.*)\}", text, re.DOTALL)
        text = boxed.group(1).strip() if boxed and balanced(boxed.group(1)) else text
        text = text[:-1].rstrip() if text.endswith(".") and not text.endswith("..") else text
    text = _SIZED.sub("", _SPACING.sub(" ", text))
    return " ".join(text.replace(r"\lbrace", r"\{").replace(r"\rbrace", r"\}").split())


def balanced(text: str) -> bool:
    """Whether curly brackets close in order."""
    depth = 0
    for character in text:
        depth += (character == "{") - (character == "}")
        if depth < 0:
            return False
    return depth == 0


def nesting(text: str) -> int:
    """Return how deep brackets of any kind go."""
    depth = deepest = 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        deepest = max(deepest, depth)
    return deepest


def expression(text: str) -> str | None:
    """Return an expression as LaTeX that may be parsed, or None when it is none within the limits."""
    if len(text) > MAX_LENGTH:
        return None
    text = bare(text).translate(_UNICODE).replace("**", "^")
    text = _TEXT.sub(lambda match: match[0] if match[1] else "", text)
    text = _BARE_FRACTION.sub(r"\\frac{\1}{\2}", _FRACTION.sub(r"\\frac", text))
    text = _ROOT_SIGN.sub(r"\\sqrt{\1}", _ROOT.sub(r"\\sqrt{\1}", text))
    if not text or not _ALLOWED.fullmatch(text) or nesting(text) > MAX_NESTING or text.count("^") > MAX_POWERS:
        return None
    if not balanced(text) or _tower(text) or any(len(run) > MAX_DIGITS for run in re.findall(r"\d+", text)):
        return None
    if "!" in text or "|" in text:  # a factorial may be huge, bars are ambiguous
        return None
    for word in _WORD.findall(text):
        name = word.removeprefix("\\")
        if word.startswith("\\") and name not in _COMMANDS:
            return None
        product = len(word) <= 3 and name.islower() and name not in _WORDS  # xyz is x times y times z
        if not (word.startswith("\\") or len(word) == 1 or name in _FUNCTIONS or name == "pi" or product):
            return None
    text = re.sub(r"(?<![A-Za-z\\])(pi|" + "|".join(sorted(_FUNCTIONS)) + r")(?![A-Za-z])", r"\\\1 ", text)
    text = text.replace("*", r"\cdot ")
    return _DECIMAL.sub(_fraction, text)


def _tower(text: str) -> bool:
    """Whether a power has a power, or an exponent of more than two digits: these may never end."""
    return re.search(r"\^\s*(?:\{[^{}]*\^|[^{}\s]\s*\^|\{?\s*-?\d{3})", text) is not None or "^{{" in text


def _fraction(match: re.Match[str]) -> str:
    whole, rest = match[1], match[2]
    return rf"\frac{{{int((whole or '0') + rest)}}}{{{10 ** len(rest)}}}"
