"""What a key of a client looks like: made, taken apart and digested. Pure: no I/O.

A key is `hdk_<public id>_<secret>`. The public id names the key in lists and logs; the secret is shown once and kept
nowhere, only its HMAC with the server's own secret is.
"""

import hmac
import re
import secrets
from enum import StrEnum
from hashlib import sha256
from typing import Final

_PUBLIC_ID_BYTES: Final = 6
_SECRET_BYTES: Final = 32
_SHAPE: Final = re.compile(rf"hdk_([0-9a-f]{{{2 * _PUBLIC_ID_BYTES}}})_[0-9a-f]{{{2 * _SECRET_BYTES}}}", re.ASCII)


class Scope(StrEnum):
    """What a key may do; `deals:admin` may do everything that `deals:write` may."""

    WRITE = "deals:write"
    ADMIN = "deals:admin"


def new_key() -> str:
    """A key that nobody can guess, with 256 bits of randomness."""
    return f"hdk_{secrets.token_hex(_PUBLIC_ID_BYTES)}_{secrets.token_hex(_SECRET_BYTES)}"


def public_id(key: str) -> str | None:
    """The public id of a key, None if it can't be one."""
    match = _SHAPE.fullmatch(key)
    return match[1] if match else None


def digest(key: str, *, secret: bytes) -> bytes:
    """What is kept of a key: without `secret`, the server's own, it can't be compared with a guess."""
    return hmac.digest(secret, key.encode("utf-8", "surrogateescape"), sha256)


def allows(scopes: frozenset[str], needed: Scope) -> bool:
    """Whether a key with `scopes` may do what `needed` stands for."""
    return needed in scopes or Scope.ADMIN in scopes
