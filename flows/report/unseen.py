"""Characters that nobody sees and that change what is seen: terminals are steered by them, lines reordered, texts smuggled."""

import re

UNSEEN = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters but tab and newline
    "\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff"  # what reorders a line, and what has no width
    "\ufff9-\ufffb\U000e0000-\U000e007f"  # annotations, and tags that smuggle text
    "\ud800-\udfff"  # halves of characters: no UTF-8 file can hold them
    "]"
)
