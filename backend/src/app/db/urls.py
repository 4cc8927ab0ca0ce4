"""The URL of a database in the form that each driver needs."""

from sqlalchemy import URL, make_url


def async_url(url: str) -> URL:
    """`url` for the asynchronous driver, whichever PostgreSQL driver it names."""
    return make_url(url).set(drivername="postgresql+asyncpg")


def sync_url(url: str) -> URL:
    """`url` for psycopg2, whichever PostgreSQL driver it names."""
    return make_url(url).set(drivername="postgresql+psycopg2")


def libpq_url(url: str) -> str:
    """`url` for psycopg2 without SQLAlchemy. Includes the password."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def split_password(url: str) -> tuple[str, str | None]:
    """`url` for libpq without the password, and the password."""
    parts = make_url(url).set(drivername="postgresql")
    password = parts.password or parts.normalized_query.get("password", (None,))[0]
    without = parts._replace(password=None).difference_update_query(["password"])
    return without.render_as_string(hide_password=False), password
