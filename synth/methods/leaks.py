"""Whether a teacher lets slip what it was shown: a reference answer or solution, or the labels of steps.

Problems say "we are given 5 apples" too, so a sentence about what somebody was given counts only where an answer, a solution or a
label was given.
"""

import re

_GIVEN = r"\b(?:i|we)\s+(?:was|were|am|are|have\s+been|had\s+been)\s+(?:told|informed|given|shown|provided)\b"
_REFERENCE = re.compile(
    r"\b(?:reference|gold|given|provided|expected|ground[- ]truth|official)\s+(?:answer|solution)\b"
    r"|\banswer\s+(?:that\s+)?(?:i|we)\s+(?:was|were|am|are)\s+(?:given|told|provided|shown)\b"
    rf"|{_GIVEN}(?:\s+(?:with|by|of|about|that|what))?\s+(?:(?:the|a|an|its|this|that|correct|right|final)\s+){{0,3}}"
    r"(?:answer|solution|result|reference|key)\b"
    rf"|{_GIVEN}\s+that\s+(?:the\s+\w+|it|this)\s+(?:(?:answer|solution|step)\s+)?(?:is|was|must\s+be|should\s+be)\s+(?:right|wrong|correct|incorrect)\b"
    rf"|{_GIVEN}\s+(?:that\s+)?(?:it|the\s+answer|the\s+result)\s+(?:is|was|must\s+be|should\s+be)\b"
    r"|\banswer\s+key\b",
    re.IGNORECASE,
)
_LABELS = re.compile(
    r"\[(?:right|wrong)\]|\b(?:(?:given|provided|known|reference|gold|true|correctness)\s+(?:labels?|verdicts?|annotations?)"
    r"|(?:the|its|this|your)\s+labels?\s+(?:is|are|says?|states?|indicates?|shows?|given|provided)"
    r"|(?:is|are|was|were|as|being)\s+(?:(?:labell?ed|annotated|tagged)\s+(?:as\s+)?(?:right|wrong|correct|incorrect|so|such)"
    r"|marked\s+(?:as\s+)?(?:right|wrong|correct|incorrect))"
    r"|according\s+to\s+the\s+(?:labels?|verdicts?|annotations?|markings?)"
    r"|as\s+(?:i\s+was\s+|we\s+were\s+)?(?:indicated|stated|noted|told)\s+(?:above|in\s+the\s+prompt)|as\s+(?:i\s+was|we\s+were)\s+told)\b"
    rf"|{_GIVEN}(?:\s+(?:with|by|of|about|that|what))?\s+(?:(?:the|a|its|these|those|which|this|that|step|steps|it)\s+){{0,4}}"
    r"(?:labels?|verdicts?|(?:is|are|was|were)\s+(?:right|wrong|correct|incorrect))\b",
    re.IGNORECASE,
)


def mentions_reference(text: str) -> bool:
    """Say whether a text speaks of a reference answer or solution that its writer was shown."""
    return _REFERENCE.search(text) is not None


def mentions_labels(text: str) -> bool:
    """Say whether a text speaks of labels that its writer was shown, or of a reference."""
    return _LABELS.search(text) is not None or mentions_reference(text)
