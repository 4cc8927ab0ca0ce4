"""JSON with exact decimals: fractions are read as Decimal and written digit by digit."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any


def to_json(body: Mapping[str, Any]) -> bytes:
    """Encode a flat JSON object; decimals keep their digits, text is only escaped where it must be."""
    members = (f"{json.dumps(name)}: {_encode_value(value)}" for name, value in body.items())
    return f"{{{', '.join(members)}}}".encode()


def from_json(content: bytes) -> Any:
    """Decode JSON, with fractions as Decimal."""
    return json.loads(content, parse_float=Decimal)


def _encode_value(value: object) -> str:
    return str(value) if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False, default=str)
