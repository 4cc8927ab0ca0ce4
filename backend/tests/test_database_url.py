"""URLs of databases: their spellings, and the messages for those that a driver would misread."""

import re

import pytest

from app.database_url import format_address, parse_database_url

PART = "dragon"
ENCODE = "must be percent-encoded"

LOCAL = {"user": "u", "host": "/run/pg", "port": "5433", "dbname": "db"}
SERVER = {"user": "u", "password": "p@/ß", "host": "h", "port": "5432", "dbname": "db"}


@pytest.mark.parametrize(
    ("expected", "urls"),
    [
        (
            SERVER,
            [
                *(
                    f"{scheme}://u:p%40%2F%C3%9F@h/db"
                    for scheme in ("postgres", "postgresql", "POSTGRES", "postgresql+asyncpg", "postgres+psycopg2")
                ),
                "postgresql://u:p%40%2Fß@h:5432/db",
                " postgresql://h/db?user=u&password=p%40/ß\n",
                "postgresql://other@elsewhere:1/x?user=u&password=p%40/ß&host=h&port=5432&database=db",
            ],
        ),
        (
            LOCAL,
            [
                "postgresql://u@%2Frun%2Fpg:5433/db",
                "postgresql://u@%2frun%2fpg/db?port=5433",
                "postgresql://u@/db?host=/run/pg&port=5433",
                "postgres+psycopg://u@:5433/db?host=%2Frun%2Fpg",
                "postgresql:///db?user=u&host=%2Frun%2Fpg&port=5433",
            ],
        ),
        (
            {"host": "::1", "port": "5433"},
            ["postgresql://[::1]:5433", "postgresql://?host=::1&port=5433", "postgresql:///?host=[::1]&port=5433"],
        ),
        ({"host": "::1", "port": "5432"}, ["postgresql://[::1]", "postgresql://[::1]:/"]),
        ({"port": "5432"}, ["postgresql://", "postgresql:///", "postgres://?host="]),
        ({"port": "5433", "dbname": "db"}, ["postgresql://:5433/db", "postgresql:///db?port=5433"]),
        (
            {"host": "h1,::1,/run/pg", "port": "5433,5432,5434"},
            [
                "postgresql://h1:5433,[::1],%2Frun%2Fpg:5434",
                "postgresql://?host=h1,::1,/run/pg&port=5433,5432,5434",
                "postgresql://h1,[::1],%2Frun%2Fpg?port=5433,5432,5434",
            ],
        ),
        ({"host": "h1,h2", "port": "5433,5433"}, ["postgresql://h1,h2?port=5433", "postgresql://h1:5433,h2:5433/"]),
        (
            {"host": "h", "port": "5432", "sslmode": "require"},
            [f"postgresql://h?{tls}" for tls in ("sslmode=require", "ssl=require", "ssl=true")],
        ),
        (
            {"host": "h", "port": "5432", "options": "-c search_path=a -csearch_path=b --work_mem=1MB"},
            [
                "postgresql://h?options=-c%20search_path%3Da%20-csearch_path%3Db%20--work_mem%3D1MB",
                "postgresql://h?options=-c search_path=a -csearch_path=b --work_mem=1MB",
            ],
        ),
    ],
)
def test_every_spelling_gives_the_same_parameters(expected: dict[str, str], urls: list[str]) -> None:
    assert {url: parse_database_url(url) for url in urls} == dict.fromkeys(urls, expected)


def test_address_has_hosts_ports_and_database_only() -> None:
    addresses = {
        f"postgresql://shop:{PART}@h:6432/deals?sslpassword={PART}&application_name=x": "h:6432/deals",
        f"postgresql://h/deals?user=shop&password={PART}": "h:5432/deals",
        f"postgresql+asyncpg://shop:p%40{PART}@h/deals": "h:5432/deals",
        "postgresql://u@db1:5432,db2:5433/deals?target_session_attrs=read-write": "db1:5432,db2:5433/deals",
        "postgresql://u@db1,[::1]:5433,%2Frun%2Fpg/deals": "db1:5432,[::1]:5433,/run/pg:5432/deals",
        "postgresql://u@/deals?host=db1,db2&port=5433": "db1:5433,db2:5433/deals",
        "postgresql://u@[::1]/deals": "[::1]:5432/deals",
        "postgresql://u@/deals?host=/run/postgresql&port=5433": "/run/postgresql:5433/deals",
        "postgresql://u@/deals?host=/run/a:b": "/run/a:b:5432/deals",
        "postgresql://u@h/?dbname=deals": "h:5432/deals",
        "postgresql://u@other:1/other?host=h&port=2&database=deals": "h:2/deals",
        "postgresql://u@h": "h:5432",
        "postgresql:///deals": "localhost:5432/deals",
        "postgresql://": "localhost:5432",
    }
    assert {url: format_address(url) for url in addresses} == addresses


@pytest.mark.parametrize(
    ("message", "urls"),
    [
        (
            ENCODE,
            [
                *(f"postgresql://shop:{PART}{mark}lake77@127.0.0.1:1/deals" for mark in "@/#?[]% "),
                f"postgresql://shop:{PART}?lake77=@127.0.0.1:1/deals",
                f"postgresql://shop:1?{PART}=lake77@h/deals",
                f"postgresql://shop:1/{PART}@h/deals",
                f"postgres://shop:{PART}@lake77/more?of=it@h/deals",
                f"postgresql://shop:{PART}%ff@h/deals",
                f"postgresql://shop:{PART}%00@h/deals",
                f"postgresql://shop@h/deals?password=lake77&{PART}",
                f"postgresql://shop@h/deals?password=lake77&{PART}=1",
                f"postgresql://shop@h/deals?password=lake77#{PART}",
                f"postgresql://shop@h/deals?sslpassword=lake77%{PART}",
                f"postgresql://shop@h/deals?password={PART}@lake77",
            ],
        ),
        ("its port should be a number", [f"postgresql://shop:{PART}", f"postgresql://shop:{PART}/lake77"]),
        (
            "its port should be a number",
            [*(f"postgresql://h{port}" for port in (":0", ":65536", ":x", "?port=x", "?port=1,2", ",g?port=1,2,3"))],
        ),
        (
            "each of its hosts should be",
            [
                *(f"postgresql://{host}/" for host in ("h,,g", "[h]", "h%20g", "%40abstract", "run%2Fpg")),
                "postgresql://?host=h:5432",
                "postgresql://?host=run/pg",
            ],
        ),
        (
            "should be like postgresql://user:password@host:5432/database",
            [
                *(f"{scheme}://u:{PART}@h/d" for scheme in ("mysql", "postgresq", "jdbc:postgresql", "postgresql+")),
                f"host=h password={PART}",
                PART,
                "",
            ],
        ),
        (
            "its parameter {} is not supported",
            [
                *(f"postgresql://h?{name}=1" for name in ("schema", "pgbouncer", "service", "keepalives", "hostaddr")),
                "postgresql://h?Sslmode=require",
            ],
        ),
        (
            "its parameter {} has a value that is not supported",
            [
                *(f"postgresql://h?sslmode={mode}" for mode in ("verify", "REQUIRE", "true")),
                "postgresql://h?channel_binding=require",
                "postgresql://h?gssencmode=require",
                "postgresql://h?sslrootcert=system",
                *(f"postgresql://h?connect_timeout={seconds}" for seconds in ("0", "-1", "2.5", "99999")),
                "postgresql://h?target_session_attrs=master",
                "postgresql://h?ssl_min_protocol_version=TLSv1.4",
                "postgresql://h?sslnegotiation=postgresql",
            ],
        ),
        (
            "its parameter {} is repeated",
            [
                "postgresql://?host=h&host=g",
                "postgresql://h?sslmode=disable&ssl=require",
                "postgresql://?port=1&port=1",
            ],
        ),
        (
            "its options should be settings",
            [f"postgresql://h?options={options}" for options in (PART, "-c%20x", "-d%205", "-c+search_path%3Da")],
        ),
        (
            "which the service sets itself",
            [f"postgresql://h?options=-c%20{name}%3D0" for name in ("statement_timeout", "LOCK_TIMEOUT")],
        ),
    ],
)
def test_url_is_rejected_in_one_sentence_without_its_password(message: str, urls: list[str]) -> None:
    for url in urls:
        name = re.split("[?=]", url)[1] if "{}" in message else ""
        with pytest.raises(ValueError, match=re.escape(message.format(name))) as error:
            parse_database_url(url)
        assert not {part for part in (PART, "lake77", "\n") if part in str(error.value)}, url
