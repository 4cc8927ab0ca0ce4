"""`deals serve` and `deals doctor` in production: a restricted role, API keys, a durable server."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import SecretStr

from app.auth.tokens import new_key
from app.config import AuthMode, Settings, SettingsError
from app.main import create_app
from devtools.ports import free_port
from tests.support.api_keys import HEADER, SECRET
from tests.support.cli import DEALS, assert_one_line_error, command_environment, run_deals, wait_for_health
from tests.support.production_database import ProductionServer

pytestmark = pytest.mark.slow

WITH_KEYS: Final = {"AUTH_MODE": "writes", "APP_AUTH_KEY_SECRET": SECRET}
PRODUCTION: Final = {"APP_ENV": "production", **WITH_KEYS}


@dataclass(frozen=True, slots=True)
class RunningService:
    port: int

    def request(self, method: str, path: str, key: str | None = None) -> tuple[int, str]:
        """The status, and the headers and the body of the response."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request(method, path, headers={} if key is None else {HEADER: key})
        response = connection.getresponse()
        text = f"{response.headers}{response.read().decode()}"
        connection.close()
        return response.status, text


@contextmanager
def serving(url: str, output: Path, *options: str, **variables: str) -> Iterator[RunningService]:
    port = free_port()
    command = [DEALS, "serve", "--port", str(port), *options]
    environment = command_environment(url, **variables)
    with (
        output.open("w") as file,
        subprocess.Popen(command, env=environment, stdout=file, stderr=subprocess.STDOUT) as process,
    ):
        try:
            wait_for_health(process, port)
            yield RunningService(port)
        finally:
            process.terminate()


def create_key(production: ProductionServer, *options: str) -> str:
    url = production.url("deals_keys")
    result = run_deals(url, "keys", "create", "--name", "a test", *options, APP_AUTH_KEY_SECRET=SECRET)
    assert result.exit_code == 0
    return result.stdout.strip()


def test_writes_need_a_key_and_no_secret_is_printed(production: ProductionServer, tmp_path: Path) -> None:
    writer, admin = create_key(production), create_key(production, "--scope", "deals:admin")
    guesses = [new_key(), "hdk_canary", writer[:-4] + "cafe", writer[4:], "canary-" * 20]
    with serving(production.url("deals_app"), tmp_path / "log", **PRODUCTION) as service:
        responses = [service.request("DELETE", "/hotels/1", key) for key in (None, writer, admin, *guesses)]
        responses.append(service.request("DELETE", f"/hotels/1?{HEADER}={admin}"))
        responses.append(service.request("POST", f"/nothing/{writer}", writer))
        responses += [service.request("DELETE", "/deals/1", new_key()) for _ in range(8)]
    assert [status for status, _ in responses][:10] == [401, 403, 404, *[401] * 5, 401, 404]
    assert responses[-1][0] == 429
    output = (tmp_path / "log").read_text() + "".join(text for _, text in responses)
    for secret in (SECRET, *(key.rpartition("_")[2] for key in (writer, admin, *guesses))):
        assert secret not in output
    assert '"write_auth": true' in output
    assert "key_rejected" in output
    assert "key_without_scope" in output


def test_revoked_key_is_rejected_within_five_seconds(production: ProductionServer, tmp_path: Path) -> None:
    key = create_key(production)
    with serving(production.url("deals_app"), tmp_path / "log", "--workers", "2", **PRODUCTION) as service:
        for _ in range(10):  # so that both processes cache it
            assert service.request("DELETE", "/deals/1", key)[0] == 404
        assert run_deals(production.url("deals_keys"), "keys", "revoke", key).exit_code == 0
        deadline = time.monotonic() + 5
        rejected = False
        while not rejected and time.monotonic() < deadline:  # requests must not extend the cache entries
            rejected = {service.request("DELETE", "/deals/1", key)[0] for _ in range(10)} <= {401, 429}
        assert rejected


@pytest.mark.parametrize("command", [["serve"], ["dev"]])
def test_unsafe_production_start_is_rejected_with_all_reasons(production: ProductionServer, command: list[str]) -> None:
    result = run_deals(
        production.url("super"), *command, "--port", str(free_port()), APP_ENV="production", AUTH_MODE="writes"
    )
    assert (result.exit_code, result.stdout) == (1, "")
    heading, *reasons = result.stderr.splitlines()
    assert heading == "Production cannot start with this configuration:"
    assert any("APP_AUTH_KEY_SECRET" in reason for reason in reasons)
    assert any("superuser" in reason for reason in reasons)
    assert any("deals serve" in reason for reason in reasons) == (command == ["dev"])


@pytest.mark.parametrize("mode", [["--production"], []])
def test_doctor_reports_production_checks(production: ProductionServer, mode: list[str]) -> None:
    variables = WITH_KEYS if mode else PRODUCTION
    safe = run_deals(production.url("deals_app"), "doctor", *mode, **variables)
    assert (safe.exit_code, safe.stderr) == (0, "")
    assert {line[:6] for line in safe.stdout.splitlines()} == {"pass  "}
    unsafe = run_deals(production.url("deals_app"), "doctor", "--workers", "7", *mode, **variables)
    assert (unsafe.exit_code, unsafe.stderr) == (1, "")
    failed = [line.partition(":")[0] for line in unsafe.stdout.splitlines() if line[:4] != "pass"]
    assert failed == ["fail  connections"]
    unreachable = run_deals("postgresql://u:hunter2@127.0.0.1:1/x", "doctor", *mode, **variables)
    last = unreachable.stdout.splitlines()[-1]
    assert (unreachable.exit_code, last) == (1, "fail  database: The database is not reachable.")


def test_doctor_in_development_lists_what_production_would_need(production: ProductionServer) -> None:
    result = run_deals(production.url("super"), "doctor")
    assert (result.exit_code, result.stderr) == (0, "")
    first, second, *missing = result.stdout.splitlines()
    assert (first, second) == ("Fine for development.", "Production would also need:")
    assert missing[0].startswith("todo  auth mode: AUTH_MODE is not set")
    assert {line[:6] for line in missing} == {"todo  "}
    ready = run_deals(production.url("deals_app"), "doctor", **WITH_KEYS)
    assert ready.stdout == "Fine for development.\nFine for production too.\n"


def test_doctor_in_development_fails_for_what_blocks_it() -> None:
    result = run_deals("postgresql://u:hunter2@127.0.0.1:1/x", "doctor", AUTH_MODE="writes")
    assert (result.exit_code, result.stderr) == (1, "")
    first, *failed = result.stdout.splitlines()
    assert first == "Not ready for development:"
    assert [line.partition(":")[0] for line in failed] == ["fail  key secret", "fail  database"]


def test_write_access_is_printed(own_url: str, tmp_path: Path) -> None:
    with serving(own_url, tmp_path / "log") as service:
        assert service.request("DELETE", "/deals/1")[0] == 404
        assert "Writes    need no API key\n" in (tmp_path / "log").read_text()


@pytest.mark.parametrize("command", [["serve"], ["dev"]])
def test_key_mode_without_valid_secret_is_rejected(own_url: str, command: list[str]) -> None:
    result = run_deals(own_url, *command, "--port", str(free_port()), AUTH_MODE="writes", APP_AUTH_KEY_SECRET="x" * 31)
    assert_one_line_error(result, "API keys need APP_AUTH_KEY_SECRET")


@pytest.mark.parametrize("secret", [None, SecretStr("x" * 31)])
def test_application_with_keys_needs_valid_secret(settings: Settings, secret: SecretStr | None) -> None:
    changes: dict[str, Any] = {"auth_mode": AuthMode.WRITES, "auth_key_secret": secret}
    with pytest.raises(SettingsError, match="API keys need APP_AUTH_KEY_SECRET"):
        create_app(settings.model_copy(update=changes))
