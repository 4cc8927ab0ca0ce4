"""`deals serve` and `deals doctor` as production has them: a role of its own, keys, a durable server."""

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
from tests.support.cli import DEALS, deals, environment, wait_for_health
from tests.support.production_database import Guarded

pytestmark = pytest.mark.slow

KEYED: Final = {"AUTH_MODE": "writes", "APP_AUTH_KEY_SECRET": SECRET}
PRODUCTION: Final = {"APP_ENV": "production", **KEYED}


@dataclass(frozen=True, slots=True)
class Running:
    port: int
    output: Path

    def ask(self, method: str, path: str, key: str | None = None) -> tuple[int, str]:
        """The status, and the answer's headers and body."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request(method, path, headers={} if key is None else {HEADER: key})
        answer = connection.getresponse()
        said = f"{answer.headers}{answer.read().decode()}"
        connection.close()
        return answer.status, said


@contextmanager
def serving(url: str, output: Path, *options: str, **more: str) -> Iterator[Running]:
    port = free_port()
    command = [DEALS, "serve", "--port", str(port), *options]
    with (
        output.open("w") as out,
        subprocess.Popen(command, env=environment(url, **more), stdout=out, stderr=subprocess.STDOUT) as process,
    ):
        try:
            wait_for_health(process, port)
            yield Running(port, output)
        finally:
            process.terminate()


def issued(guarded: Guarded, *options: str) -> str:
    done = deals(guarded.url("deals_keys"), "keys", "create", "--name", "a test", *options, APP_AUTH_KEY_SECRET=SECRET)
    assert done.exit_code == 0
    return done.stdout.strip()


def test_only_keys_write_and_no_secret_is_told(guarded: Guarded, tmp_path: Path) -> None:
    writer, admin = issued(guarded), issued(guarded, "--scope", "deals:admin")
    guesses = [new_key(), "hdk_canary", writer[:-4] + "cafe", writer[4:], "canary-" * 20]
    with serving(guarded.url("deals_app"), tmp_path / "log", **PRODUCTION) as service:
        answers = [service.ask("DELETE", "/hotels/1", key) for key in (None, writer, admin, *guesses)]
        answers.append(service.ask("DELETE", f"/hotels/1?{HEADER}={admin}"))
        answers.append(service.ask("POST", f"/nothing/{writer}", writer))
        answers += [service.ask("DELETE", "/deals/1", new_key()) for _ in range(8)]
    assert [status for status, _ in answers][:10] == [401, 403, 404, *[401] * 5, 401, 404]
    assert answers[-1][0] == 429
    told = (tmp_path / "log").read_text() + "".join(said for _, said in answers)
    for secret in (SECRET, *(key.rpartition("_")[2] for key in (writer, admin, *guesses))):
        assert secret not in told
    assert "Writes    need a key: AUTH_MODE is writes\n" in told
    assert "key_rejected" in told
    assert "key_without_scope" in told


def test_a_revoked_key_is_refused_within_five_seconds(guarded: Guarded, tmp_path: Path) -> None:
    key = issued(guarded)
    with serving(guarded.url("deals_app"), tmp_path / "log", "--workers", "2", **PRODUCTION) as service:
        for _ in range(10):  # so that both processes remember it
            assert service.ask("DELETE", "/deals/1", key)[0] == 404
        assert deals(guarded.url("deals_keys"), "keys", "revoke", key).exit_code == 0
        revoked = time.monotonic()
        while time.monotonic() < revoked + 5:  # whoever goes on asking is not remembered for longer
            service.ask("DELETE", "/deals/1", key)
            time.sleep(0.1)
        assert {service.ask("DELETE", "/deals/1", key)[0] for _ in range(10)} <= {401, 429}


@pytest.mark.parametrize("command", [["serve"], ["dev"]])
def test_production_refuses_to_start_on_what_is_unsafe(guarded: Guarded, command: list[str]) -> None:
    done = deals(guarded.url("super"), *command, "--port", str(free_port()), APP_ENV="production", AUTH_MODE="writes")
    assert (done.exit_code, done.stdout) == (1, "")
    heading, *reasons = done.stderr.splitlines()
    assert heading == "Production refuses to start:"
    assert any("APP_AUTH_KEY_SECRET" in reason for reason in reasons)
    assert any("superuser" in reason for reason in reasons)
    assert any("deals serve" in reason for reason in reasons) == (command == ["dev"])


def test_the_doctor_tells_anywhere_what_production_would_refuse(guarded: Guarded) -> None:
    well = deals(guarded.url("deals_app"), "doctor", **KEYED)
    assert (well.exit_code, well.stderr) == (0, "")
    assert {line[:6] for line in well.stdout.splitlines()} == {"pass  "}
    ill = deals(guarded.url("deals_app"), "doctor", "--workers", "7", APP_ENV="production", **KEYED)
    assert (ill.exit_code, ill.stderr) == (1, "")
    assert [line.partition(":")[0] for line in ill.stdout.splitlines() if line[:4] != "pass"] == ["fail  connections"]
    away = deals("postgresql://u:hunter2@127.0.0.1:1/x", "doctor", **KEYED)
    assert (away.exit_code, away.stdout.splitlines()[-1]) == (1, "fail  database: The database does not answer.")


def test_who_may_write_is_announced(own_url: str, tmp_path: Path) -> None:
    with serving(own_url, tmp_path / "log") as service:
        assert service.ask("DELETE", "/deals/1")[0] == 404
        assert "Writes    need no key: AUTH_MODE is off\n" in (tmp_path / "log").read_text()


@pytest.mark.parametrize("command", [["serve"], ["dev"]])
def test_keys_without_a_secret_are_refused_anywhere(own_url: str, command: list[str]) -> None:
    done = deals(own_url, *command, "--port", str(free_port()), AUTH_MODE="writes", APP_AUTH_KEY_SECRET="x" * 31)
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    assert "API keys need APP_AUTH_KEY_SECRET" in done.stderr


@pytest.mark.parametrize("secret", [None, SecretStr("x" * 31)])
def test_an_application_with_keys_needs_a_secret_too(settings: Settings, secret: SecretStr | None) -> None:
    wanted: dict[str, Any] = {"auth_mode": AuthMode.WRITES, "auth_key_secret": secret}
    with pytest.raises(SettingsError, match="API keys need APP_AUTH_KEY_SECRET"):
        create_app(settings.model_copy(update=wanted))
