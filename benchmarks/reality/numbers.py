"""Final answers and equations of GSM8K's kind, read without the product's judge.

It is deliberately simple, and its own: what a benchmark says about the judge and the filters may not come from them.
"""

import math
import re
from collections.abc import Iterator
from fractions import Fraction

_NUMBER = r"-?\$?\d[\d,]*(?:\.\d+)?(?:/\d[\d,]*)?|-?\$?\.\d+"
_BOX = re.compile(r"\\boxed\s*\{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}")
_LATEX_FRACTION = re.compile(r"\\[dt]?frac\s*\{(\d+)\}\s*\{(\d+)\}")
_LINE = re.compile(r"^\s*####\s*(.+)$", re.MULTILINE)
_PHRASE = re.compile(r"answer\s*(?:is|:)\s*\**\s*(.+)", re.IGNORECASE)
_TERM = r"\$?\s*(?:\d[\d,]*(?:\.\d+)?|\.\d+)\s*%?"
_EQUATION = re.compile(
    rf"(?<![\d.)/*+^-])(?<![\d.)/*+^-] )({_TERM}(?:\s*(?:[-+*/x×÷−]|\\times|\\div)\s*{_TERM})+)\s*=\s*(-?{_TERM})"
)
_BEHIND = re.compile(r"(?:[=≈]|\bequals\b)[\s$£€(*]*(?:\\text\{[^{}]*\}\s*)?(-?\d[\d,]*(?:\.\d+)?)")
_ROUNDS = re.compile(r"[./÷%]|\\div")
_GOES_ON = re.compile(r"[/*^]|\s*(?:[-+*/x×÷−]\s*[$\d(]|\\(?:times|div|cdot))")


def number(text: str) -> Fraction | None:
    """Return the last number in a text; None when there is none."""
    text = _LATEX_FRACTION.sub(r"\1/\2", text.replace("\\!", "").replace("\\,", "").replace("{,}", ","))
    numbers = re.findall(_NUMBER, text)
    if not numbers:
        return None
    top, _, bottom = numbers[-1].replace("$", "").replace(",", "").partition("/")
    return Fraction(top) / Fraction(bottom) if bottom and int(bottom) else Fraction(top)


def final_number(text: str) -> Fraction | None:
    """Return the number a response ends with: of the last box, else of `####`, else behind "answer is", else the last one."""
    for marks in (_BOX.findall(text), _LINE.findall(text), _PHRASE.findall(text)):
        if marks and (value := number(marks[-1])) is not None:
            return value
    return number(text)


def equations(text: str) -> Iterator[tuple[str, bool, Fraction]]:
    """Yield each equation of a text as it stands, whether it is true as far as its digits go, and its right side."""
    text = text.replace("\\$", "$")
    for match in _EQUATION.finditer(text):
        left, right = match[1], match[2]
        if _GOES_ON.match(text, match.end()):  # the right side is a sum too: another equation of a chain
            continue
        value, shown = _value(left), _value(right)
        if value is None or shown is None:
            continue
        digits = len(right.partition(".")[2].rstrip("% "))
        rounded = Fraction(1, 2) if _ROUNDS.search(left) else Fraction(0)  # a whole number of whole numbers is exact
        near = Fraction(1, 10**digits) if digits else rounded
        true = any(abs(scale * value - shown * other) <= near for scale, other in ((1, 1), (100, 1), (1, 100)))
        yield match[0].strip(), true, shown


def reached(text: str) -> set[Fraction]:
    """Return the numbers that stand behind an equals sign, but for those of a box."""
    plain = _BOX.sub("", text.replace("\\$", "$").replace("{,}", ","))
    return {value for result in _BEHIND.findall(plain) if (value := number(result)) is not None}


def _value(text: str) -> Fraction | None:
    """Work out sums and products, products first."""
    plain = text.replace("$", "").replace(",", "").replace("\\times", "*").replace("\\div", "/")
    for sign, operator in (("×", "*"), ("x", "*"), ("÷", "/"), ("−", "-")):
        plain = plain.replace(sign, operator)
    tokens = re.findall(r"\d+(?:\.\d+)?|\.\d+|[-+*/%]", plain)
    terms: list[Fraction] = []
    sign, operator = 1, ""
    for token in tokens:
        if token == "%":
            if terms:
                terms[-1] /= 100
        elif token in "+-":
            sign, operator = (sign if token == "+" or terms else -sign), ""
            sign = 1 if token == "+" else -1
        elif token in "*/":
            operator = token
        else:
            number_ = Fraction(token)
            if operator == "*" and terms:
                terms[-1] *= number_
            elif operator == "/" and terms:
                if not number_:
                    return None
                terms[-1] /= number_
            else:
                terms.append(sign * number_)
            sign, operator = 1, ""
    return sum(terms, Fraction(0)) if terms else None


def wilson(right: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share."""
    if not n:
        return 0.0, 1.0
    share, spread = right / n, z * z / n
    centre = (share + spread / 2) / (1 + spread)
    half = z * math.sqrt(share * (1 - share) / n + spread / (4 * n)) / (1 + spread)
    return max(0.0, centre - half), min(1.0, centre + half)
