"""The answer's part of a line: its first sentence, without afterthoughts."""

import re

_SENTENCE_END = re.compile(r"[.!?](?=\s|$)|[。！？]")
_ABBREVIATION = re.compile(r"\b(?:mr|mrs|ms|dr|st|sq|cu|vs|approx|prof|jr|sr|rs|e\.g|i\.e|a\.?m|p\.?m)$", re.IGNORECASE)
_INITIAL = re.compile(r"(?:^|\s)[A-Z]$")
_AFTERTHOUGHT = re.compile(
    r"(?<=\S)(?:\s*,\s*(?:because|since|as|so|which|where|given|who|when|while|but|in\s+total|altogether|and\s+(?:so|that|then|the|it)|"
    r"after|if|meaning|making|not|leaving|giving|rounded|that|this|it|he|she|they|we|i)\b|\s+because\b|\s+since\s+[a-z]|"
    r"\s*;\s+[A-Za-z]{2,}\s+[a-z]|\s+[–—-]+\s+[A-Za-z]{2,}\s|\s*\((?:since|because|as|i\.e|rounded|assuming|given|see)\b).*$",
    re.IGNORECASE,
)  # fmt: skip


def first_sentence(content: str) -> tuple[str, bool]:
    """Return the first sentence of the first line, and whether an exclamation mark stood right behind a value."""
    line = _first_line(content).strip("*_ \t").rstrip("# \t")
    line = re.sub(r"^[>•-]\s+(?=\D)", "", line)
    exclaimed = False
    for end in _SENTENCE_END.finditer(line):
        before = line[: end.start()]
        if _goes_on(before, end[0], line[end.end() :]):
            continue
        if before.count("{") != before.count("}") or not before.strip():
            continue
        exclaimed = end[0] == "!" and bool(re.search(r"[\w)\]}]$", before))
        line = before
        break
    cut = _AFTERTHOUGHT.sub("", line)
    if cut != line and cut.count("(") == cut.count(")") and cut.count("{") == cut.count("}"):
        line = cut
    line = re.sub(r"(?:です|だ|です。|입니다|이다)\s*$", "", line)
    return line.strip("*_ \t"), exclaimed


def _goes_on(before: str, mark: str, after: str) -> bool:
    """Whether a mark of punctuation does not end the sentence: an abbreviation, an initial, a LaTeX space."""
    if mark == "!":
        return before.endswith("\\")
    if mark != ".":
        return False
    return bool(_ABBREVIATION.search(before)) or (bool(_INITIAL.search(before)) and bool(re.match(r"\s+\S", after)))


def _first_line(content: str) -> str:
    """The first line with content; a block of display math or a matrix is taken whole."""
    lines = content.splitlines()
    for index, line in enumerate(lines):
        bare = line.strip()
        if not bare or bare.startswith("```") or bare in ("---", "***"):
            continue
        if bare in ("$$", "\\[") or (bare.startswith(("$$", "\\[")) and not re.search(r"\S(?:\$\$|\\\])", bare[2:])):
            closed = {"$$": "$$", "\\[": "\\]"}[bare[:2]]
            block = []
            for later in [bare[2:], *lines[index + 1 : index + 8]]:
                if closed in later:
                    block.append(later[: later.index(closed)])
                    break
                block.append(later)
            return " ".join(part.strip() for part in block if part.strip())
        if "\\begin" in bare and "\\end" not in bare:
            rest = "\n".join(lines[index : index + 20])
            end = re.search(r"\\end\s*\{\w+\*?\}", rest)
            return " ".join(rest[: end.end()].split()) if end else bare
        return bare
    return ""
