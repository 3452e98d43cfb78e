r"""One plain spelling of an answer: typography and LaTeX layout undone, nothing that could change its value.

Braces of commands, the case of letters and primes stay. `\dfrac12` becomes `\frac12`, `10\,000` becomes `10000`,
`\text{ cm}^2` becomes ` cm ^2`, `５` becomes `5`, `½` becomes ` 1/2`.
"""

import re
import unicodedata

MAX_ANSWER = 400  # characters; what is longer is not an answer

_ROW_END = "\ue001"
CURRENCY_MARK = "\ue000"  # stands for a dollar sign that is money and not a LaTeX delimiter

_VULGAR = {
    character: f" {unicodedata.normalize('NFKC', character).replace(chr(0x2044), '/')}"
    for character in map(chr, range(0xBC, 0x218B))
    if unicodedata.decomposition(character).startswith("<fraction>") and unicodedata.numeric(character, 0) != 1
}
_SIGNS = str.maketrans(
    _VULGAR
    | dict.fromkeys("−–‐‑﹣－", "-")
    | dict.fromkeys("×·⋅∗•∙✕", "*")
    | dict.fromkeys("÷∕⁄／", "/")
    | dict.fromkeys("\u00a0\u2007\u2008\u2009\u200a\u202f\u3000\t\n\r", " ")
    | dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff", "")
    | dict.fromkeys("’‘′", "'")
    | dict.fromkeys("“”„", '"')
    | {"π": r"\pi ", "∞": r"\infty ", "≤": r"\le ", "≥": r"\ge ", "≠": r"\ne ", "≈": r"\approx ", "∈": r"\in "}
    | {"∪": r"\cup ", "∩": r"\cap ", "±": r"\pm ", "√": r"\sqrt ", "º": "°", "，": ",", "．": ".", "。": ".", "：": ":"}
    | {"（": "(", "）": ")", "［": "[", "］": "]", "｛": "{", "｝": "}", "％": "%", "＝": "=", "＋": "+", "；": ";", "！": "!"}
    | {"θ": r"\theta ", "α": r"\alpha ", "β": r"\beta ", "≡": r"\equiv ", "⟨": r"\langle ", "⟩": r"\rangle ", "∅": r"\emptyset "}
)  # fmt: skip
_SUPERSCRIPT = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿ", "0123456789-+n")
_SUPERSCRIPTS = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿ]+")
_SUBSCRIPT = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_SUBSCRIPTS = re.compile("[₀₁₂₃₄₅₆₇₈₉]+")

_NAMES = (
    (re.compile(r"\\(?:d|t|c)frac(?![A-Za-z])"), r"\\frac"),
    (re.compile(r"\\(?:leq|leqslant|leqq)(?![A-Za-z])"), r"\\le "),
    (re.compile(r"\\(?:geq|geqslant|geqq)(?![A-Za-z])"), r"\\ge "),
    (re.compile(r"\\neq(?![A-Za-z])"), r"\\ne "),
    (re.compile(r"\\lt(?![A-Za-z])"), "<"),
    (re.compile(r"\\gt(?![A-Za-z])"), ">"),
    (re.compile(r"\\(?:cdot|times|ast)(?![A-Za-z])"), "*"),
    (re.compile(r"\\div(?![A-Za-z])"), "/"),
    (re.compile(r"\s*\(?\s*\\(?:p|b)?mod\s*\{?\s*(\w+)\s*\}?\s*\)?"), r" (mod \1)"),
    (re.compile(r"\\(?:lbrace)(?![A-Za-z])"), r"\\{"),
    (re.compile(r"\\(?:rbrace)(?![A-Za-z])"), r"\\}"),
    (re.compile(r"\\(?:lvert|rvert|vert|mid)(?![A-Za-z])"), "|"),
    (re.compile(r"\\(?:lparen)(?![A-Za-z])"), "("),
    (re.compile(r"\\(?:rparen)(?![A-Za-z])"), ")"),
    (re.compile(r"\\(?:lbrack)(?![A-Za-z])"), "["),
    (re.compile(r"\\(?:rbrack)(?![A-Za-z])"), "]"),
    (re.compile(r"\\(?:varnothing)(?![A-Za-z])"), r"\\emptyset "),
)
_LAYOUT = re.compile(
    r"\\(?:left|right|[Bb]igg?[lrm]?|displaystyle|textstyle|limits|nolimits|bf|rm|it|tt|sf|normalsize|large|Large|boldmath)(?![A-Za-z])\s*\.?"
)
_TEXT = re.compile(
    r"\\(?:text(?:normal|bf|it|rm|sf|tt|up)?|mathrm|mathbf|mathit|mathsf|mathtt|mathnormal|boldsymbol|bm|mbox|hbox"
    r"|operatorname\*?|emph|underline|textsc|fbox)\s*\{([^{}]*)\}"
)
_BOX = re.compile(r"\\(?:f?boxed)\s*\{")
_GROUPED = re.compile(r"(?<=\d)\s*\{\s*,\s*\}\s*(?=\d)|(?<=\d),?\s*\\[!,]\s*(?=\d{3}(?!\d))|(?<=\d),\s*\\!\s*(?=\d)")
_THIN = re.compile(r"(?<=\d)\\[,;:! ]\s*(?=\d{3}(?!\d))")
_SPACING = re.compile(
    r"\\[,;:! ]|\\(?:quad|qquad|hspace\*?\{[^{}]*\}|hfill|enspace|thinspace|phantom\{[^{}]*\})(?![A-Za-z])|~"
)
_DEGREES = re.compile(
    r"\s*\^\s*(?:\{\s*\\(?:circ|degree)\s*\}|\\(?:circ|degree)(?![A-Za-z]))|\\(?:degree|degrees|textdegree)(?![A-Za-z])"
)
_WRAPPERS = (
    ("$$", "$$"),
    ("$", "$"),
    (r"\(", r"\)"),
    (r"\[", r"\]"),
    ("**", "**"),
    ("__", "__"),
    ("`", "`"),
    ('"', '"'),
)
_ALIGNED = re.compile(
    r"\s*\\begin\{(align|aligned|gather|gathered|equation|split)\*?\}(.*)\\end\{\1\*?\}\s*", re.DOTALL
)
_DELIMITERS = re.compile(r"\\[()\[\]](?!\s*\d+(?:pt|em|ex))")
_SIGN_SPACES = re.compile(r"(?<![A-Za-z0-9])\s+|\s+(?![A-Za-z0-9])")
_ESCAPED_TWICE = re.compile(r"\\\\(?=[A-Za-z(){}\[\],;!$%])")
_ESCAPED = re.compile(r"\\([%#&_])")


def tidy(text: str) -> str:
    """Return one plain spelling of an answer, in a single line. The value it has stays as it is."""
    text = unwrap(text)
    text = text.replace(r"\$", CURRENCY_MARK)
    if not text.isascii():
        text = _unicode(text)
    elif "\n" in text or "\t" in text:
        text = " ".join(text.split())
    if "\\" in text or "{" in text:
        text = _latex(text)
    text = text.replace("**", "^") if re.search(r"\w\*\*\w", text) else text.replace("**", " ")
    if text.count("$") >= 2 and text.count("$") % 2 == 0:
        text = text.replace("$", " ")
    text = text.replace("$", CURRENCY_MARK)
    return _trim(" ".join(text.split()))


def unwrap(text: str) -> str:
    """Take off what stands around an answer and says nothing: dollar signs, math brackets, bold, quotes, one box."""
    text = text.strip()
    before = None
    while before != text and text:
        before = text
        for left, right in _WRAPPERS:
            if len(text) > len(left) + len(right) and text.startswith(left) and text.endswith(right):
                inner = text[len(left) : len(text) - len(right)]
                if left not in inner and right not in inner and not inner.endswith("\\"):
                    text = inner.strip()
        box = _BOX.match(text)
        if box and text.endswith("}") and closing(text, box.end() - 1) == len(text) - 1:
            text = text[box.end() : -1].strip()
    return text


def closing(text: str, opened: int) -> int | None:
    """Index of the brace that closes the one at `opened`; None when it is never closed."""
    depth = 0
    for position in range(opened, len(text)):
        character = text[position]
        if character == "\\":
            continue
        escaped = position > 0 and text[position - 1] == "\\" and (position < 2 or text[position - 2] != "\\")
        if character == "{" and not escaped:
            depth += 1
        elif character == "}" and not escaped:
            depth -= 1
            if depth == 0:
                return position
    return None


def without_spaces(text: str) -> str:
    """Leave out spaces beside signs; those between letters and digits stay."""
    return _SIGN_SPACES.sub("", text)


def fold(text: str) -> str:
    """Text in normal form, for comparing words: lower case, no outer punctuation, no article."""
    text = unicodedata.normalize("NFKC", text).replace(CURRENCY_MARK, "$").casefold().strip("$*_`.\"' \\,;:!()")
    text = re.sub(r"^(?:the|an?)\s+", "", text)
    return " ".join(re.sub(r"[‐-―]", "-", text).split())


def _unicode(text: str) -> str:
    text = _SUPERSCRIPTS.sub(lambda match: "^{" + match[0].translate(_SUPERSCRIPT) + "}", text)
    text = _SUBSCRIPTS.sub(lambda match: "_{" + match[0].translate(_SUBSCRIPT) + "}", text)
    text = "".join(_ascii(character) for character in text.translate(_SIGNS))
    return " ".join(text.split())


def _ascii(character: str) -> str:
    """Digits and letters of other widths and scripts as ASCII, where they stand for the same."""
    if character.isascii():
        return character
    digit = unicodedata.decimal(character, None)
    if digit is not None:
        return str(digit)
    wide = unicodedata.decomposition(character)
    return unicodedata.normalize("NFKC", character) if wide.startswith(("<wide>", "<font>")) else character


def _latex(text: str) -> str:
    aligned = _ALIGNED.fullmatch(text)
    if aligned and "\\\\" not in aligned[2].strip().removesuffix("\\\\"):
        text = aligned[2].strip().removesuffix("\\\\").replace("&", " ").strip()
    if "\\\\" in text:
        text = text.replace("\\\\", _ROW_END) if "\\begin" in text else _ESCAPED_TWICE.sub(r"\\", text)
    text = _GROUPED.sub(lambda match: "," if "," in match[0].replace(r"\,", "") else "", text)
    text = _THIN.sub("", text)
    text = _LAYOUT.sub("", text)
    text = _DEGREES.sub("° ", text)
    for pattern, name in _NAMES:
        text = pattern.sub(name, text)
    text = _DELIMITERS.sub(" ", text)
    text = _SPACING.sub(" ", text)
    for _ in range(3):
        text, count = _TEXT.subn(r" \1 ", text)
        if not count:
            break
    return _ESCAPED.sub(r"\1", text).replace(_ROW_END, "\\\\ ")


def _trim(text: str) -> str:
    text = text.strip()
    while text and text[-1] in ".,;:" and not text.endswith("..."):
        text = text[:-1].rstrip()
    if text.endswith("\\") and not text.endswith("\\\\"):
        text = text[:-1].rstrip()
    if len(text) > 2 and text[0] == "{" and closing(text, 0) == len(text) - 1 and "," not in text:
        text = text[1:-1].strip()
    return text
