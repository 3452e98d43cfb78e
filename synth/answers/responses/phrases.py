"""How answers are announced in words, in the common languages."""

import re

from synth.answers.responses.tags import MAX_MARKS

_COPULA = r"(?:\bis\b|\bwas\b|\bare\b|\b(?:would|will|should|must)\s+be\b|\bequals\b|:|=)"
_TAIL = r"[ \t]*[:：]?[ \t]*(?:that\s+)?"
_PHRASES = {
    (
        "answer",
        "ans",
    ): r"\b(?:answer|ans)\b(?:\s+(?:to|for|of)\s+[^.\n:=?]{1,80}?)?"
    r"(?:,?\s+(?:here|then|therefore|thus|choice|option|of\s+course),?)?"
    r"\s*[,*]?\s*" + _COPULA,
    ("a:", "a :"): r"^[ \t]*a[ \t]*:",
    (
        "option",
        "choice",
    ): r"\b(?:correct|right|best)\s+(?:option|choice)\s*" + _COPULA,
    ("final result", "final solution"): r"\bfinal\s+(?:result|solution)\s*" + _COPULA,
    ("antwort", "lösung"): r"\b(?:Antwort|Lösung)\s*(?:ist|lautet|:)",
    ("réponse", "reponse"): r"\br[ée]ponse\s*(?:finale\s*)?(?:est|:)",
    ("respuesta",): r"\brespuesta\s*(?:final\s*)?(?:es|:)",
    ("risposta", "resposta"): r"\b(?:risposta|resposta)\s*(?:finale?\s*)?(?:è|é|:)",
    ("ответ",): r"\bответ\s*(?:[:—-]|это|равен|будет)",
    ("antwoord", "svar"): r"\b(?:antwoord|svar(?:et)?)\s*(?:is|är|er|:)",
    ("odpow",): r"\b(?:odpowiedź|odpověď)\s*(?:to|brzmi|je|:)",
    ("cevap", "đáp án"): r"(?:\bcevap\s*:|đáp\s+án\s*(?:là|:))",
    ("答",): r"答案?\s*(?:是|为|為|[:：])|答えは|答え\s*[:：]",
    ("답", "उत्तर", "الجواب", "উত্তর"): r"정답은|정답\s*:|답은|답\s*:|उत्तर\s*(?:है|:)|الجواب\s*(?:هو|:)|উত্তর\s*(?:হল|:)",
}
_COMPILED = [
    (words, re.compile(f"(?:{pattern}){_TAIL}", re.IGNORECASE | re.MULTILINE)) for words, pattern in _PHRASES.items()
]
"""How answers are announced; a pattern is tried where one of its words occurs."""
_POSTPOSED = re.compile(
    r"(\$[^$\n]{1,200}\$|\\\([^\n]{1,200}?\\\)|[-+]?\$?\d[\d,./]*%?)\s+is\s+(?:the|our|my)\s+(?:final\s+|correct\s+)?(?:answer|solution)",
    re.IGNORECASE,
)
_POSED_CHOICE = re.compile(
    r"(?:^[ \t]*|(?<=[.!?;,]\s))(?:so,?\s+)?(?:(?:the\s+)?(?:option|choice)\s+(\(?[A-H]\)?)|(\([A-H]\)))"
    r"\s+is\s+(?:the\s+)?(?:correct|right|best)\b",
    re.IGNORECASE | re.MULTILINE,
)


def announced(text: str) -> list[re.Match[str]]:
    """Return the announcements, the last ones; the answer stands behind each."""
    lower = text.casefold()
    matches = [
        match
        for words, pattern in _COMPILED
        if any(word in lower for word in words)
        for match in pattern.finditer(text)
    ]
    return sorted(matches, key=lambda match: match.start())[-MAX_MARKS:]


def named_before(text: str) -> list[tuple[int, str]]:
    """Return start and answer where the announcement follows: `$5$ is the answer`, `(B) is correct`."""
    if " is " not in text:
        return []
    answers = [(match.start(), match[1]) for match in list(_POSTPOSED.finditer(text))[-MAX_MARKS:]]
    return answers + [
        (match.start(), match[1] or match[2]) for match in list(_POSED_CHOICE.finditer(text))[-MAX_MARKS:]
    ]
