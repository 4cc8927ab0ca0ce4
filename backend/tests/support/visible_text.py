"""Text that shows nothing, and a rule for text that shows something."""

import unicodedata
from typing import Final

INVISIBLE_TEXTS: Final = {
    "a zero width space": "\u200b",
    "bidirectional controls": "\u202e\u2066\u2069\u200f",
    "a soft hyphen": "\u00ad",
    "word joiners between blanks": "\u2060 \u3000\u2060",
    "a byte order mark": "\ufeff",
    "variation selectors": "\ufe0f\U000e0100\u180b",
    "a grapheme joiner": "\u034f",
    "Hangul fillers": "\u115f\u1160\u3164\uffa0",
    "a Braille blank": "\u2800",
    "tags": "\U000e0001\U000e0041",
    "a line separator": "\u2028",
    "a mark on nothing": "\u0301",
}
_INVISIBLE_LETTERS_AND_SYMBOLS: Final = frozenset("\u115f\u1160\u3164\uffa0\u2800")


def is_visible(text: str) -> bool:
    """Whether `text` contains a letter, a number, punctuation or a symbol that shows something."""
    return any(
        unicodedata.category(character)[0] in "LNPS" and character not in _INVISIBLE_LETTERS_AND_SYMBOLS
        for character in text
    )
