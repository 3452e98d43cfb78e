"""Words that a puzzle can be told in: roles and names. They change nothing about its structure."""

from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True)
class Words:
    """The words for those who tell the truth and for those who lie."""

    truthful: str = "knight"
    lying: str = "knave"

    def word(self, truthful: bool) -> str:
        """The word for a role."""
        return self.truthful if truthful else self.lying

    def a(self, truthful: bool) -> str:
        """The word for a role with its article: `a knight`, `an angel`."""
        return with_article(self.truthful if truthful else self.lying)

    @property
    def flipped(self) -> "Words":
        """The same words for the other roles."""
        return Words(self.lying, self.truthful)


@cache
def with_article(word: str) -> str:
    """A word with `a` or `an` before it."""
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


KNIGHTS = Words()

PAIRS = (
    Words("saint", "sinner"),
    Words("angel", "devil"),
    Words("sage", "fool"),
    Words("guardian", "traitor"),
    Words("pioneer", "pirate"),
    Words("oracle", "impostor"),
)
"""As many pairs as mem-kk-logic has; the first is one of its pairs, the others are ours."""

NAMES = tuple(
    """Alice Anna Arthur Bella Boris Carla Cedric Clara Daniel Diana Edgar Elena Emil Erik Fiona Frank Gina Gregor Hanna
    Hector Ida Igor Irene Jasper Julia Karl Kira Laura Leo Lydia Marco Martha Max Nadia Nils Nora Oscar Paula Peter
    Quentin Rita Robert Rosa Samuel Sara Simon Tara Theo Ursula Vera Victor Walter Wendy Yara Zoe""".split()  # noqa: SIM905
)
UNCOMMON_NAMES = tuple(
    """Aldwyn Beorhtric Caoimhe Drusilla Eadgyth Fiachra Gwendolen Hrafnkell Isolde Jorunn Keziah Llywelyn Mehetabel
    Niamh Oddvar Peregrine Quirinus Rhiannon Sigrun Thaddeus Ulfric Valdis Wulfstan Xanthe Ysolde Zephaniah""".split()  # noqa: SIM905
)
