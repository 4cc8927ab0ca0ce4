"""Keys for tests, and a service that wants them."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.tokens import Scope, digest, new_key, public_id
from app.config import AuthMode, Settings
from app.models import ApiKey

SECRET: Final = "a-secret-of-the-tests-that-nobody-else-has"  # noqa: S105  it opens nothing
HEADER: Final = "X-API-Key"


class Clock:
    """Counts seconds when it is told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def with_keys(settings: Settings) -> Settings:
    """The same for a service whose writes need a key."""
    return settings.model_copy(update={"auth_mode": AuthMode.WRITES, "auth_key_secret": SecretStr(SECRET)})


def entity(key: str, scope: Scope = Scope.WRITE, *, expires_at: datetime | None = None) -> ApiKey:
    """What is kept of a key."""
    made = digest(key, secret=SECRET.encode())
    return ApiKey(public_id=public_id(key), name="a test", digest=made, scopes=[scope], expires_at=expires_at)


async def issue(session: AsyncSession, scope: Scope = Scope.WRITE, *, expires_at: datetime | None = None) -> str:
    """A key that is in the database."""
    key = new_key()
    session.add(entity(key, scope, expires_at=expires_at))
    await session.commit()
    return key


Wrong = Callable[[str], str]
WRONG: Final[dict[str, Wrong]] = {
    "empty": lambda _: "",
    "of another shape": lambda _: "let me in",
    "another's": lambda _: new_key(),
    "with another secret": lambda key: key[:-1] + ("0" if key[-1] != "0" else "1"),
    "in capitals": str.upper,
    "with a tail": lambda key: key + "0",
    "without its head": lambda key: key.removeprefix("hdk_"),
    "very long": lambda key: key * 50,
}
"""What a client may present instead of a valid key."""
