"""`deals dev` and `deals serve` in processes of their own."""

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from app.db.urls import libpq_url
from devtools.ports import free_port
from tests.support.cli import assert_one_line_error, get, run_deals, running_deals, wait_for_output, wait_for_silence
from tests.support.databases import TestServer, connect

pytestmark = pytest.mark.slow

_SAMPLE: Final = "/deals?city=Toronto&sort=price_per_night&limit=3"
_BANNER: Final = f"""
Try       {{url}}{_SAMPLE}
Docs      {{url}}/docs
Database  the database in DATABASE_URL
Writes    need no API key
"""


@pytest.fixture
def empty_url(server: TestServer) -> Iterator[str]:
    with server.copy(template="template0") as url:
        yield url


def test_dev_migrates_loads_sample_and_prints_banner_when_listening(empty_url: str, tmp_path: Path) -> None:
    output = tmp_path / "output"
    with running_deals(empty_url, "dev", output=output) as (process, port):
        assert get(port, "/deals")["total"] == 50_000
        assert len(get(port, _SAMPLE)["items"]) == 3
        wait_for_output(output, _BANNER.format(url=f"http://127.0.0.1:{port}"))
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    with pytest.raises(ConnectionRefusedError):
        get(port, "/health")


def test_parameter_that_only_the_service_cannot_use_is_rejected(own_url: str) -> None:
    """psycopg2 ignores TLS on a socket."""
    for parameters, message in {
        "sslmode=require&sslcert=/absent": "There is no such file as DATABASE_URL names for TLS.",
        "sslmode=verify-full&sslcrl=/absent": "The service cannot connect: root certificate file",
    }.items():
        url = f"{libpq_url(own_url)}&{parameters}"
        assert_one_line_error(run_deals(url, "serve", "--port", str(free_port())), message)


def test_serve_with_old_schema_is_rejected(empty_url: str) -> None:
    result = run_deals(empty_url, "serve", "--port", str(free_port()))
    assert_one_line_error(result, "run `deals migrate`")


def test_serve_starts_on_schema_of_newer_version(own_url: str) -> None:
    with connect(own_url) as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE alembic_version SET version_num = 'of a newer version'")
    with running_deals(own_url, "serve") as (_, port):
        assert get(port, "/health/ready")["migrations"] == "ok"


def test_serve_stops_on_sigint(own_url: str) -> None:
    with running_deals(own_url, "serve", "--workers", "2") as (process, port):
        assert get(port, "/health/ready")["migrations"] == "ok"
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0


def test_exit_code_names_the_signal_that_killed_the_service(own_url: str) -> None:
    with running_deals(own_url, "serve") as (process, _):
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGKILL)
        assert process.wait(20) == 128 + signal.SIGKILL


def test_service_ends_when_command_is_killed(own_url: str) -> None:
    with running_deals(own_url, "serve") as (process, port):
        process.kill()
        process.wait()
        wait_for_silence(port)


@pytest.mark.parametrize("command", ["dev", "serve"])
def test_port_in_use_is_reported_before_database_with_next_free_port(command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        result = run_deals("postgresql://u@127.0.0.1:1/x", command, "--port", str(port))
    assert_one_line_error(result, f"Cannot listen on 127.0.0.1:{port}: address already in use.")
    proposed = int(result.stderr.rpartition("--port ")[2].split("`")[0])
    assert port < proposed <= port + 100
    socket.create_server(("127.0.0.1", proposed)).close()


def test_unusable_address_is_rejected_without_proposed_port(own_url: str) -> None:
    result = run_deals(own_url, "serve", "--host", "192.0.2.1")
    assert_one_line_error(result, "Cannot listen on 192.0.2.1:8000")
    assert "--port" not in result.stderr
