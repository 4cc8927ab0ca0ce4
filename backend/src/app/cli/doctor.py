"""What production refuses to start on, as a table; `deals doctor` tells all of it anywhere."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy.exc import OperationalError

from app.config import MIN_SECRET_LENGTH, Settings, SettingsError
from app.db.inspect import ServerFacts, inspect_server
from app.db.migrations import is_compatible
from app.server.launcher import ServerOptions


class UnsafeConfigurationError(Exception):
    """Production can't start like this. The message has a line for each reason."""


@dataclass(frozen=True, slots=True)
class Check:
    """A rule for the settings and for how to serve, and what is said where it is broken."""

    name: str
    sentence: str
    holds: Callable[[Settings, ServerOptions], bool]


@dataclass(frozen=True, slots=True)
class DatabaseCheck:
    """The same for what the database says of itself."""

    name: str
    sentence: str
    holds: Callable[[Settings, ServerOptions, ServerFacts], bool]


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of a check; `sentence` is empty where it holds."""

    name: str
    sentence: str = ""


def _pool(settings: Settings) -> int:
    return settings.database_pool_size + settings.database_pool_max_overflow


def _has_secret(settings: Settings) -> bool:
    try:
        settings.require_key_secret()
    except SettingsError:
        return False
    return True


_ROLE: Final = "connect as the role that docs/roles.sql makes for the service."

CHECKS: Final = (
    Check(
        "auth mode",
        "AUTH_MODE is not set: say `writes`, or `off` if everybody may write.",
        lambda settings, _: settings.auth_mode is not None,
    ),
    Check(
        "key secret",
        f"AUTH_MODE is `writes`, and APP_AUTH_KEY_SECRET has fewer than {MIN_SECRET_LENGTH} characters.",
        lambda settings, _: not settings.write_auth_enabled or _has_secret(settings),
    ),
    Check(
        "log level",
        "APP_LOG_LEVEL is DEBUG, which tells logs more than they should keep.",
        lambda settings, _: settings.log_level != "DEBUG",
    ),
    Check(
        "reload",
        "`deals dev` starts anew whenever a file changes: use `deals serve`.",
        lambda _, serving: not serving.reload,
    ),
    Check(
        "database url",
        "DATABASE_URL is not set, and the other databases are for development.",
        lambda settings, _: settings.database_url is not None,
    ),
)
DATABASE_CHECKS: Final = (
    DatabaseCheck(
        "not a superuser",
        f"The database's role is a superuser: {_ROLE}",
        lambda _settings, _serving, facts: not facts.is_superuser,
    ),
    DatabaseCheck(
        "not the owner",
        f"The database's role owns tables, or is a member of the role that does: {_ROLE}",
        lambda _settings, _serving, facts: not facts.owns_tables,
    ),
    DatabaseCheck(
        "no right to create",
        f"The database's role may create tables in the schema: {_ROLE}",
        lambda _settings, _serving, facts: not facts.may_create,
    ),
    DatabaseCheck(
        "fsync",
        "fsync is off: a crash of the machine would destroy the database.",
        lambda _settings, _serving, facts: facts.fsync,
    ),
    DatabaseCheck(
        "full_page_writes",
        "full_page_writes is off: a crash of the machine could tear pages.",
        lambda _settings, _serving, facts: facts.full_page_writes,
    ),
    DatabaseCheck(
        "synchronous_commit",
        "synchronous_commit is not on: a crash would lose writes that were answered.",
        lambda _settings, _serving, facts: facts.synchronous_commit in {"on", "remote_write", "remote_apply"},
    ),
    DatabaseCheck(
        "migrations",
        "The schema is that of an older version: run `deals migrate`.",
        lambda _settings, _serving, facts: is_compatible(facts.revision),
    ),
    DatabaseCheck(
        "connections",
        "The pools of all workers may need more connections than the server, the role and the database allow: lower"
        " APP_DATABASE_POOL_SIZE, APP_DATABASE_POOL_MAX_OVERFLOW or the number of workers. (A deployment with"
        " --reuse-port briefly needs twice as many.)",
        lambda settings, serving, facts: serving.workers * _pool(settings) <= facts.connections,
    ),
)


def run_checks(settings: Settings, serving: ServerOptions, *, url: str | None) -> Iterator[Finding]:
    """What becomes of each check; those of the database only if there is a `url` and it answers."""
    for check in CHECKS:
        yield Finding(check.name, "" if check.holds(settings, serving) else check.sentence)
    if url is None:
        return
    try:
        facts = inspect_server(url)
    except OperationalError:
        yield Finding("database", "The database does not answer.")
        return
    for check_ in DATABASE_CHECKS:
        yield Finding(check_.name, "" if check_.holds(settings, serving, facts) else check_.sentence)


def require_production_ready(settings: Settings, serving: ServerOptions) -> None:
    """Raises UnsafeConfigurationError, with everything there is to mend, unless production may serve like this."""
    url = settings.database_url
    findings = run_checks(settings, serving, url=url.get_secret_value() if url else None)
    reasons = [finding.sentence for finding in findings if finding.sentence]
    if reasons:
        raise UnsafeConfigurationError("\n  ".join(["Production refuses to start:", *reasons]))
