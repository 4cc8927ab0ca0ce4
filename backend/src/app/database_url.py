"""The URL of a PostgreSQL database: parsed into libpq's parameters, or rejected without a part of its value."""

import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Final
from urllib.parse import unquote

_DEFAULT_PORT: Final = 5432
_MAX_PORT: Final = 65_535

_FORM: Final = "it should be like postgresql://user:password@host:5432/database"
_ENCODE: Final = "special characters such as @ / ? # & % [ ] in its password must be percent-encoded, @ as %40"
_PORT: Final = "its port should be a number from 1 to 65535, one for all hosts or one for each"
_HOST: Final = "each of its hosts should be a name, an address or the absolute path of a socket's directory"

_URL: Final = re.compile(r"(?is)(postgres|postgresql)(\+\w+)?://([^/?#]*)(/[^?#]*)?(\?[^#]*)?(#.*)?")
_HOST_AND_PORT: Final = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(?::([0-9]*))?")
_MALFORMED: Final = re.compile(r"%(?![0-9A-Fa-f]{2})|%[01]|%7[Ff]|[\x00-\x1F\x7F]")
_OPTION: Final = re.compile(r"(?:-c\s*|--)([A-Za-z_][\w.-]*)=(?:\\.|[^\s\\])*(?:\s+|$)")

_ANYTHING: Final = ".+"
_TLS_VERSION: Final = r"TLSv1(\.[1-3])?"
_VALUES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("host", "port", "user", "password", "dbname", "application_name", "passfile"), _ANYTHING),
    **dict.fromkeys(("options", "sslcert", "sslkey", "sslpassword", "sslcrl"), _ANYTHING),
    "connect_timeout": "[1-9][0-9]{0,3}",
    "target_session_attrs": "any|read-write|read-only|primary|standby|prefer-standby",
    "sslmode": "disable|allow|prefer|require|verify-ca|verify-full",
    "sslrootcert": "(?!system$).+",  # asyncpg takes it for the name of a file
    "sslnegotiation": "postgres|direct",
    "ssl_min_protocol_version": _TLS_VERSION,
    "ssl_max_protocol_version": _TLS_VERSION,
    # asyncpg has neither: values that do not require them have no effect there.
    "channel_binding": "disable|prefer",
    "gssencmode": "disable|prefer",
}
"""The parameters that both drivers support, with a pattern for the values."""
_SYNONYMS: Final = {"database": "dbname", "ssl": "sslmode"}
_SECRETS: Final = {"password", "sslpassword"}
_OWN_OPTIONS: Final = {
    "client_connection_check_interval",
    "client_encoding",
    "idle_in_transaction_session_timeout",
    "lock_timeout",
    "statement_timeout",
}
"""Options that the service sets on its connections, so that those of the URL would have no effect."""


def parse_database_url(url: str) -> dict[str, str]:
    """The parameters that the URL sets, by their names in libpq; a host comes with its port.

    Several hosts and their ports are separated by commas. The query takes precedence, as in libpq. Raises ValueError,
    with a reason that does not contain a part of a password, if one of the drivers would ignore or misread a part.
    """
    match = _URL.fullmatch(url.strip())
    if match is None:
        raise ValueError(_FORM)
    authority, path, query = match[3], match[4] or "", match[5] or ""
    _check_encoding(authority, rest="".join(match.groups(default="")[3:]))
    user_and_password, _, location = authority.rpartition("@")
    user, _, password = user_and_password.partition(":")
    host, port = _parse_location(location)
    parts = {"user": user, "password": password, "host": host, "port": port, "dbname": path.removeprefix("/")}
    decoded = {name: _decode(value) for name, value in parts.items()} | dict(_parse_query(query.removeprefix("?")))
    parameters = {name: value for name, value in decoded.items() if value}
    _check_options(parameters.get("options", ""))
    return parameters | _parse_addresses(parameters.get("host", ""), parameters.get("port", ""))


def format_address(url: str) -> str:
    """Hosts, ports and database of a valid URL, and nothing else: text for the log."""
    parameters = parse_database_url(url)
    pairs = zip(parameters.get("host", "localhost").split(","), parameters["port"].split(","), strict=True)
    addresses = [f"[{host}]:{port}" if _is_ipv6(host) else f"{host}:{port}" for host, port in pairs]
    return "/".join([",".join(addresses), *filter(None, [parameters.get("dbname")])])


def _check_encoding(authority: str, *, rest: str) -> None:
    """Reject a URL in which a password that is not percent-encoded may have been cut off at a wrong place."""
    user_and_password = authority.rpartition("@")[0]
    if "@" in user_and_password + rest or "#" in rest or re.search(r"[\[\]\s]", user_and_password):
        raise ValueError(_ENCODE)


def _decode(text: str) -> str:
    if _MALFORMED.search(text):
        raise ValueError(_ENCODE)
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise ValueError(_ENCODE) from None


def _parse_location(location: str) -> tuple[str, str]:
    """The hosts and the ports of `host:port,host:port`, both still percent-encoded."""
    pairs = [_HOST_AND_PORT.fullmatch(item) for item in location.split(",")]
    matches = [pair for pair in pairs if pair is not None]
    if len(matches) < len(pairs):
        raise ValueError(_PORT)
    ports = [match[2] or "" for match in matches]
    if len(ports) > 1 and any(ports):
        ports = [port or str(_DEFAULT_PORT) for port in ports]
    return ",".join(match[1] for match in matches), ",".join(ports) if any(ports) else ""


def _parse_query(query: str) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for part in filter(None, query.split("&")):
        name, separator, value = part.partition("=")
        name = _SYNONYMS.get(name, name)
        if not separator or (name not in _VALUES and seen & _SECRETS):
            raise ValueError(_ENCODE)  # this may be the rest of a password
        if name not in _VALUES:
            raise ValueError(f"its parameter {_decode(name)} is not supported; docs/databases.md lists those that are")
        if name in seen:
            raise ValueError(f"its parameter {name} is repeated; several hosts are separated by commas")
        seen.add(name)
        decoded = "require" if part.lower() == "ssl=true" else _decode(value)
        if decoded and not re.fullmatch(_VALUES[name], decoded):
            raise ValueError(f"its parameter {name} has a value that is not supported; see docs/databases.md")
        yield name, decoded


def _check_options(options: str) -> None:
    position = 0
    options = options.strip()
    while position < len(options):
        match = _OPTION.match(options, position)
        if match is None:
            raise ValueError("its options should be settings of the server, such as -c%20search_path%3Dshop")
        if match[1].lower().replace("-", "_") in _OWN_OPTIONS:
            raise ValueError(f"its options set {match[1]}, which the service sets itself; see docs/configuration.md")
        position = match.end()


def _parse_addresses(host: str, port: str) -> dict[str, str]:
    """The hosts, of which none has brackets, and a port for each; without a host, only the port."""
    hosts = [item.strip("[]") if ":" in item else item for item in host.split(",")]
    ports = (port or str(_DEFAULT_PORT)).split(",")
    if not all(re.fullmatch("[0-9]{1,5}", item) and 1 <= int(item) <= _MAX_PORT for item in ports):
        raise ValueError(_PORT)
    if len(ports) not in {1, len(hosts)}:
        raise ValueError(_PORT)
    if not host:
        return {"port": ports[0]}
    if not all(map(_is_host, hosts)):
        raise ValueError(_HOST)
    return {"host": ",".join(hosts), "port": ",".join(ports * len(hosts) if len(ports) == 1 else ports)}


def _is_ipv6(host: str) -> bool:
    return ":" in host and not host.startswith("/")


def _is_host(host: str) -> bool:
    if host.startswith("/") or re.fullmatch(r"[\w.-]+", host):
        return True
    try:
        return bool(ip_address(host))
    except ValueError:
        return False
