"""JSON in which a fraction is the decimal that its digits spell."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any


def written(body: Mapping[str, Any]) -> bytes:
    """One flat JSON object; a decimal is spelled as `str` spells it, text is left unescaped where JSON allows it."""
    members = (f"{json.dumps(name)}: {_spelled(value)}" for name, value in body.items())
    return f"{{{', '.join(members)}}}".encode()


def parsed(content: bytes) -> Any:
    return json.loads(content, parse_float=Decimal)


def _spelled(value: object) -> str:
    return str(value) if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False, default=str)
