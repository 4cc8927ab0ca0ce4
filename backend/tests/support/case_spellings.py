"""Names that differ only in case."""

from typing import Final

SPELLINGS: Final = [
    ("\u03a1\u03cc\u03b4\u03bf\u03c2", "\u03a1\u038c\u0394\u039f\u03a3"),  # Rhodes, with a final sigma
    ("\u03a1\u03cc\u03b4\u03bf\u03c3", "\u03a1\u03cc\u03b4\u03bf\u03c2"),
    ("Gro\u00dfhotel", "GRO\u1e9eHOTEL"),
    ("\u0130zmir", "izmir"),
    ("I\u011fd\u0131r", "I\u011eDIR"),
    ("\u00c9lan", "\u00e9LAN"),
    ("\u041a\u0430\u0437\u0430\u043d\u044c", "\u041a\u0410\u0417\u0410\u041d\u042c"),
]
"""Pairs; the first two are the same name."""
