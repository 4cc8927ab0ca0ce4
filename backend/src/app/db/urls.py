"""The URL of a database in the form that each driver needs.

Both drivers get the same host and port, whichever defaults and environment variables they have for them.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

from sqlalchemy import URL

from app.database_url import parse_database_url

_OPTION_VALUE: Final = re.compile(r"=((?:\\.|[^\s\\])+)")
_ESCAPE: Final = re.compile(r"\\(.)")
_SOCKET_DIRECTORIES: Final = (Path("/run/postgresql"), Path("/var/run/postgresql"), Path("/tmp"))  # noqa: S108  PostgreSQL's own


def sync_url(url: str) -> URL:
    """`url` for SQLAlchemy with psycopg2."""
    query = _get_parameters(url)
    user, password, database = (query.pop(name, None) for name in ("user", "password", "dbname"))
    return URL.create("postgresql+psycopg2", user, password, database=database, query=query)


def libpq_url(url: str) -> str:
    """`url` for libpq. Includes the password."""
    return _to_url(_get_parameters(url))


def split_secrets(url: str) -> tuple[str, dict[str, str]]:
    """`url` for libpq without anything secret, and the environment variables that replace it.

    Options may contain anything. libpq has no variable for `sslpassword`, so psql prompts for it.
    """
    parameters = _get_parameters(url)
    parameters.pop("sslpassword", None)
    variables = {"password": "PGPASSWORD", "options": "PGOPTIONS"}
    environment = {variable: parameters.pop(name) for name, variable in variables.items() if name in parameters}
    return _to_url(parameters), environment


def asyncpg_arguments(url: str) -> dict[str, Any]:
    """`url` as arguments of `asyncpg.connect`."""
    parameters = _get_parameters(url)
    # asyncpg has no arguments for the files of certificates.
    tls = {name: value for name, value in parameters.items() if name.startswith("ssl")}
    arguments = {
        "dsn": f"postgresql://?{urlencode(tls, quote_via=quote)}",
        "host": parameters["host"].split(","),
        "port": [int(port) for port in parameters["port"].split(",")],
        "database": parameters.get("dbname"),
        "server_settings": {name: parameters[name] for name in ("application_name", "options") if name in parameters},
    }
    names = ("user", "password", "passfile", "target_session_attrs")
    return arguments | {name: parameters.get(name) for name in names}


def get_connect_timeout(url: str) -> int | None:
    """The seconds that `url` allows for connecting, None if it does not say."""
    seconds = _get_parameters(url).get("connect_timeout")
    return None if seconds is None else int(seconds)


def option_values(url: str) -> list[str]:
    """The values of the server's settings that `url` sets and that may be secret: not its database, user or host."""
    parameters = _get_parameters(url)
    public = {parameters.get("dbname"), parameters.get("user"), *parameters["host"].split(",")}
    values = (_ESCAPE.sub(r"\1", value) for value in _OPTION_VALUE.findall(parameters.get("options", "")))
    return [value for value in values if value not in public]


def _get_parameters(url: str) -> dict[str, str]:
    parameters = parse_database_url(url)
    return parameters if "host" in parameters else parameters | {"host": _get_local_host(parameters["port"])}


def _get_local_host(port: str) -> str:
    """The directory of the local server's socket, localhost if there is none."""
    sockets = (directory for directory in _SOCKET_DIRECTORIES if (directory / f".s.PGSQL.{port}").exists())
    return str(next(sockets, "localhost"))


def _to_url(parameters: Mapping[str, str]) -> str:
    rest = dict(parameters)
    user, password, database = (quote(rest.pop(name, ""), safe="") for name in ("user", "password", "dbname"))
    credentials = f"{user}:{password}@" if password else f"{user}@" if user else ""
    return f"postgresql://{credentials}/{database}?{urlencode(rest, quote_via=quote)}"
