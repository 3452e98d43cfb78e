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
    ("final answer",): r"\bfinal\s+answer\s*(?:→|⇒|->|=>|[–—]|-(?=\s))",
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
    (triggers, re.compile(f"(?:{pattern}){_TAIL}", re.IGNORECASE | re.MULTILINE))
    for triggers, pattern in _PHRASES.items()
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
_SAYING = (
    r"I\s+(?:think|believe|guess|say|choose|pick|select|answer|conclude)|I(?:'d|'ll|\s+would|\s+will)\s+(?:say|guess|go\s+with|"
    r"choose|pick|select|answer)|(?:it|the\s+answer|this|that)\s+(?:must|has\s+to|should)\s+be|must\s+be|"
    r"my\s+(?:final\s+)?(?:choice|pick|guess|selection)(?:\s+is|\s+would\s+be|:)|(?:so|thus|therefore|hence),?\s+it(?:'s|\s+is)"
)
_LONE_LETTER = re.compile(r"(?<![\w$\\])\(?[A-H]\)?(?![\w'])|\([a-h]\)")
_LETTER_END = r"(?=\s*(?:[.!,;:]|$|(?:because|since|as|for)\b))"
_SAID_LETTER = re.compile(
    rf"(?i:\b(?:{_SAYING})\s+(?:that\s+)?(?:it(?:'s|\s+is|\s+must\s+be)\s+|the\s+(?:correct\s+)?answer\s+is\s+)?"
    rf"(?:(?:the\s+)?(?:option|choice|letter|answer)\s+)?)(\(?[A-H]\)?|\([a-h]\)){_LETTER_END}",
    re.MULTILINE,
)
_LETTER_FIRST = re.compile(
    r"(?:^[ \t]*|[.!?;,:]\s+|\b(?i:so|thus|therefore|hence),?\s+)(\(?[A-H]\)?)\s+is\s+(?:the|our|my)\s+"
    r"(?:final\s+|correct\s+|right\s+|best\s+)?(?:answer|choice|option)\b",
    re.MULTILINE,
)


def announced(text: str) -> list[re.Match[str]]:
    """Return the announcements, the last ones; the answer stands behind each."""
    lower = text.casefold()
    matches = [
        match
        for triggers, pattern in _COMPILED
        if any(trigger in lower for trigger in triggers)
        for match in pattern.finditer(text)
    ]
    return sorted(matches, key=lambda match: match.start())[-MAX_MARKS:]


def stated_answers(text: str) -> list[tuple[int, str]]:
    """Return start and answer of what is announced otherwise: `$5$ is the answer`, `(B) is correct`, `I think it's B`."""
    patterns = [(_SAID_LETTER, 1)] if _LONE_LETTER.search(text) else []
    if " is " in text:
        patterns += [(_POSTPOSED, 1), (_POSED_CHOICE, 2), (_LETTER_FIRST, 1)]
    return [
        (match.start(), next(filter(None, match.groups()[:groups])))
        for pattern, groups in patterns
        for match in list(pattern.finditer(text))[-MAX_MARKS:]
    ]
