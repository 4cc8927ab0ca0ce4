"""API keys for tests."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.tokens import Scope, digest, new_key, public_id
from app.config import AuthMode, Settings
from app.models import ApiKey

SECRET: Final = "a-secret-that-only-the-tests-use-anywhere"  # noqa: S105  not a real secret
HEADER: Final = "X-API-Key"


class Clock:
    """A clock that shows the `seconds` that a test has set."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def with_keys(settings: Settings) -> Settings:
    """The settings, changed so that writes need an API key."""
    return settings.model_copy(update={"auth_mode": AuthMode.WRITES, "auth_key_secret": SecretStr(SECRET)})


def build_api_key(key: str, scope: Scope = Scope.WRITE, *, expires_at: datetime | None = None) -> ApiKey:
    """The row that is stored for `key`."""
    key_digest = digest(key, secret=SECRET.encode())
    return ApiKey(public_id=public_id(key), name="a test", digest=key_digest, scopes=[scope], expires_at=expires_at)


async def issue_key(session: AsyncSession, scope: Scope = Scope.WRITE, *, expires_at: datetime | None = None) -> str:
    """Create a key and store it."""
    key = new_key()
    session.add(build_api_key(key, scope, expires_at=expires_at))
    await session.commit()
    return key


INVALID_KEYS: Final[dict[str, Callable[[str], str]]] = {
    "empty": lambda _: "",
    "in another format": lambda _: "let me in",
    "unknown": lambda _: new_key(),
    "with another secret": lambda key: key[:-1] + ("0" if key[-1] != "0" else "1"),
    "in upper case": str.upper,
    "with a suffix": lambda key: key + "0",
    "without its prefix": lambda key: key.removeprefix("hdk_"),
    "very long": lambda key: key * 50,
}
"""Functions that derive an invalid key from a valid one."""
