"""Content negotiation: request bodies are JSON in UTF-8 without a content coding, and so are responses (RFC 9110)."""

import re
from functools import lru_cache
from typing import Final

from fastapi import Request

from app.errors import NotAcceptableError, UnsupportedMediaTypeError

_JSON: Final = re.compile(r"application/([\w.+-]+\+)?json\s*(;|$)", re.ASCII | re.IGNORECASE)
_CHARSET: Final = re.compile(r';\s*charset\s*=\s*"?([^\s;"]*)', re.ASCII | re.IGNORECASE)
_UTF_8: Final = frozenset({"utf-8", "utf8"})
_NO_CODING: Final = frozenset({"", "identity"})
_NO_TRANSFER_CODING: Final = frozenset({"", "chunked"})

_MEDIA_RANGE: Final = re.compile(r"\*/\*|[\w!#$%&'+.^`|~-]+/[\w!#$%&'*+.^`|~-]+", re.ASCII)
_WEIGHT: Final = re.compile(r"q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")
_RANGES_OF_JSON: Final = ("application/json", "application/*", "*/*")


def require_json_body(request: Request) -> None:
    """Raises UnsupportedMediaTypeError for a body of another media type, charset or coding."""
    headers = request.headers
    if headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers:
        return
    if not _get_items(request, "content-encoding") <= _NO_CODING:
        raise UnsupportedMediaTypeError(headers={"Accept-Encoding": "identity"})
    media_type = ", ".join(headers.getlist("content-type"))
    is_utf_8 = all(charset.lower() in _UTF_8 for charset in _CHARSET.findall(media_type))
    is_coded = not _get_items(request, "transfer-encoding") <= _NO_TRANSFER_CODING
    if not _JSON.match(media_type) or not is_utf_8 or is_coded:
        raise UnsupportedMediaTypeError


def require_acceptable_json(request: Request) -> None:
    """Raises NotAcceptableError if the client accepts other media types only."""
    if not _accepts_json(", ".join(request.headers.getlist("accept"))):
        raise NotAcceptableError


def _get_items(request: Request, name: str) -> set[str]:
    """The items of a header that is a list, in lower case."""
    return {item.strip().lower() for value in request.headers.getlist(name) for item in value.split(",")}


@lru_cache(maxsize=128)
def _accepts_json(accept: str) -> bool:
    """Whether the most specific media range that matches JSON has a weight. Malformed headers accept everything."""
    weights: dict[str, float] = {}
    for item in filter(None, map(str.strip, accept.lower().split(","))):
        media_range, *parameters = map(str.strip, item.split(";"))
        weight = _WEIGHT.fullmatch(next((text for text in parameters if text.startswith("q=")), "q=1"))
        if not _MEDIA_RANGE.fullmatch(media_range) or weight is None:
            return True
        weights[media_range] = max(weights.get(media_range, 0), float(weight[1]))
    return not weights or next((weights[name] > 0 for name in _RANGES_OF_JSON if name in weights), False)
