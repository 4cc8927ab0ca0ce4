"""The wrapper `uvw`, in a small checkout of its own, with a script in place of uv that needs no network."""

import ast
import os
import signal
import subprocess
import sys
import venv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest

UVW: Final = Path(__file__).parents[2] / "uvw"
UV: Final = r"""#!/bin/sh
case $1 in
    --version) exit ;;
    venv) step=venv; mkdir -p .venv/bin; cp "$(dirname "$0")/greet-inside" .venv/bin/greet ;;
    pip) step="pip $2" ;;
esac
echo "$step" >> "$LOG"
if [ "$step" = "pip sync" ]; then
    printf 'Using Python 3.11\nDownloading one (1.0MiB)\n Downloaded one\nInstalled 1 package in 1ms\n + one==1\n' >&2
fi
[ ! -e "$LOG.broken" ] || [ "$step" != "pip install" ]
"""
STEPS: Final = ["venv", "pip sync", "pip install"]
PROGRESS: Final = """\
uvw: installing the packages of backend/requirements.lock ...
uvw: Downloading one (1.0MiB)
uvw: Downloaded one
uvw: Installed 1 package in 1ms
"""


class Checkout:
    """A directory with the wrapper and the files it reads, and a stand-in for uv that logs its steps."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.log = root.parent / "uv.log"
        self.tools = root.parent / "bin"
        self.backend = root / "backend"
        self.backend.mkdir(parents=True)
        self.tools.mkdir()
        (root / "uvw").write_bytes(UVW.read_bytes())
        (self.backend / "requirements.lock").write_text("one==1\n")
        (self.backend / "pyproject.toml").write_text("")
        self.add_tool("uv", UV)
        self.add_tool("greet", "#!/bin/sh\necho on PATH\n")
        self.add_tool("greet-inside", '#!/bin/sh\necho "inside $VIRTUAL_ENV"\n')

    def add_tool(self, name: str, script: str) -> None:
        (self.tools / name).write_text(script)
        (self.tools / name).chmod(0o755)

    def start(self, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
        inherited = {name: value for name, value in os.environ.items() if name != "INIT_CWD"}
        path = {"PATH": f"{self.tools}:{os.environ['PATH']}", "LOG": str(self.log)}
        return subprocess.Popen(
            [sys.executable, self.root / "uvw", *arguments],
            env=inherited | path | environment,
            cwd=self.root.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, **environment: str) -> tuple[int, str, str]:
        """The exit code, standard output and standard error of a command."""
        with self.start(*arguments, **environment) as process:
            stdout, stderr = process.communicate()
            return process.returncode, stdout, stderr

    def read_steps(self) -> list[str]:
        """The steps of uv since the last call."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return lines


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "a checkout")


def test_usage_is_printed_for_help_and_without_arguments(checkout: Checkout) -> None:
    code, stdout, stderr = checkout.run("--help")
    assert (code, stderr, "./uvw deals dev" in stdout, "./uvw pytest" in stdout) == (0, "", True, True)
    assert checkout.run() == (2, "", stdout)
    assert checkout.read_steps() == []


def test_unknown_command_exits_with_127(checkout: Checkout) -> None:
    checkout.run("true")
    assert checkout.run("no-such-thing") == (
        127,
        "",
        "uvw: There is no command 'no-such-thing' in backend/.venv or on PATH.\n",
    )


def test_command_runs_in_backend_with_callers_directory_in_init_cwd(checkout: Checkout) -> None:
    command = ("sh", "-c", 'pwd -P; echo "$INIT_CWD"')
    directories = [str(checkout.backend.resolve()), str(checkout.root.parent)]
    assert checkout.run(*command)[1].splitlines() == directories
    assert checkout.run(*command, INIT_CWD="/elsewhere")[1].splitlines() == [directories[0], "/elsewhere"]


def test_commands_of_environment_take_precedence_over_path(checkout: Checkout) -> None:
    assert checkout.run("greet")[1] == f"inside {checkout.backend / '.venv'}\n"


def test_exit_code_is_that_of_command(checkout: Checkout) -> None:
    assert checkout.run("sh", "-c", "exit 7")[0] == 7


def test_signals_reach_command(checkout: Checkout) -> None:
    wait = "import signal as s, sys; s.signal(s.SIGTERM, lambda *_: sys.exit(3)); print('ready', flush=True); s.pause()"
    with checkout.start(sys.executable, "-c", wait) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 3


def test_changed_lock_or_project_is_installed_with_progress(checkout: Checkout) -> None:
    assert checkout.run("true") == (0, "", PROGRESS)
    assert checkout.read_steps() == STEPS
    assert checkout.run("true") == (0, "", "")
    assert checkout.read_steps() == []
    for name in ("requirements.lock", "pyproject.toml"):
        (checkout.backend / name).write_text("other\n")
        checkout.run("true")
        assert checkout.read_steps() == ["pip sync", "pip install"]


def test_moved_checkout_gets_new_environment(checkout: Checkout) -> None:
    checkout.run("true")
    checkout.root = checkout.root.rename(checkout.root.with_name("moved"))
    checkout.read_steps()
    checkout.run("true")
    assert checkout.read_steps() == STEPS


@pytest.mark.parametrize("before", [[], ["true"]], ids=["first", "update"])
def test_failed_installation_is_repeated(checkout: Checkout, before: list[str]) -> None:
    lock, broken = checkout.backend / "requirements.lock", checkout.log.with_name("uv.log.broken")
    locked = lock.read_text()
    checkout.run(*before)
    broken.touch()
    lock.write_text("other\n")
    code, stdout, stderr = checkout.run("greet")
    assert (code, stdout, "uvw: This command failed, and nothing was started: " in stderr) == (1, "", True)
    broken.unlink()
    lock.write_text(locked)
    checkout.read_steps()
    assert checkout.run("greet")[0] == 0
    assert checkout.read_steps() == STEPS


def test_concurrent_calls_install_once(checkout: Checkout) -> None:
    with ThreadPoolExecutor() as pool:
        codes = list(pool.map(lambda _: checkout.run("greet")[0], range(4)))
    assert (codes, checkout.read_steps()) == ([0] * 4, STEPS)


def test_missing_uv_and_pip_are_reported(checkout: Checkout, tmp_path: Path) -> None:
    venv.create(tmp_path / "bare", with_pip=False, symlinks=True)
    (checkout.tools / "uv").unlink()
    python = tmp_path / "bare" / "bin" / "python"
    command, environment = [str(python), str(checkout.root / "uvw"), "true"], {"PATH": str(checkout.tools)}
    result = subprocess.run(command, env=environment, stderr=subprocess.PIPE, text=True, check=False)
    assert (result.returncode, f"no uv on PATH, and {python} has no pip" in result.stderr) == (1, True)


def test_old_python_is_rejected_with_a_message(checkout: Checkout) -> None:
    ast.parse(UVW.read_text(), feature_version=(3, 7))
    pretend = "import runpy, sys; sys.version_info = (3, 10, 4); runpy.run_path(sys.argv[1], run_name='__main__')"
    result = subprocess.run([sys.executable, "-c", pretend, UVW, "pytest"], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr.startswith("uvw: Python 3.11 or newer is required")) == (1, True)
