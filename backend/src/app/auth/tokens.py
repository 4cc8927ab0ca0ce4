"""The format of API keys: generate, parse and digest them. No I/O.

A key is `hdk_<public id>_<secret>`. The public id identifies the key in lists and logs. The key is displayed once, when
it is created; the database stores its HMAC with the server's secret.
"""

import hmac
import re
import secrets
from enum import StrEnum
from hashlib import sha256
from typing import Final

_PUBLIC_ID_BYTES: Final = 6
_SECRET_BYTES: Final = 32
_FORMAT: Final = re.compile(rf"hdk_([0-9a-f]{{{2 * _PUBLIC_ID_BYTES}}})_[0-9a-f]{{{2 * _SECRET_BYTES}}}", re.ASCII)
_PART_OF_KEY: Final = re.compile(r"hdk_[^/]*|[0-9a-f]{16,}", re.ASCII | re.IGNORECASE)


class Scope(StrEnum):
    """The permissions of a key; `deals:admin` includes `deals:write`."""

    WRITE = "deals:write"
    ADMIN = "deals:admin"


def new_key() -> str:
    """A new random key; its secret has 256 bits."""
    return f"hdk_{secrets.token_hex(_PUBLIC_ID_BYTES)}_{secrets.token_hex(_SECRET_BYTES)}"


def public_id(key: str) -> str | None:
    """The public id of `key`, None if it is not in the format of a key."""
    match = _FORMAT.fullmatch(key)
    return match[1] if match else None


def mask_keys(path: str) -> str:
    """`path` for the log: everything that could be a key, or a part of its secret, is replaced."""
    return _PART_OF_KEY.sub("***", path)


def digest(key: str, *, secret: bytes) -> bytes:
    """The HMAC-SHA256 (RFC 2104) of a key with the server's secret, without which a guess cannot be verified."""
    return hmac.digest(secret, key.encode("utf-8", "surrogateescape"), sha256)


def allows(scopes: frozenset[str], needed: Scope) -> bool:
    """Whether `scopes` include the scope `needed`."""
    return needed in scopes or Scope.ADMIN in scopes
