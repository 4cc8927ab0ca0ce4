"""The wrapper at the root, in a small checkout of its own; only uv itself is a stand-in, which needs no network."""

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

pytestmark = pytest.mark.slow

UVW: Final = Path(__file__).parents[2] / "uvw"
UV: Final = r"""#!/bin/sh
case $1 in
    --version) exit ;;
    venv) step=venv; mkdir -p .venv/bin; cp "$(dirname "$0")/greet-inside" .venv/bin/greet ;;
    pip) step="pip $2" ;;
esac
echo "$step" >> "$LOG"
[ ! -e "$LOG.broken" ] || [ "$step" != "pip install" ]
"""
STEPS: Final = ["venv", "pip sync", "pip install"]


class Checkout:
    """A folder with the wrapper, what it looks at, and a uv that notes what it is asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder.parent / "uv.log"
        self.tools = folder.parent / "bin"
        self.backend = folder / "backend"
        self.backend.mkdir(parents=True)
        self.tools.mkdir()
        (folder / "uvw").write_bytes(UVW.read_bytes())
        (self.backend / "requirements.lock").write_text("one==1\n")
        (self.backend / "pyproject.toml").write_text("")
        self.tool("uv", UV)
        self.tool("greet", "#!/bin/sh\necho on PATH\n")
        self.tool("greet-inside", '#!/bin/sh\necho "inside $VIRTUAL_ENV"\n')

    def tool(self, name: str, script: str) -> None:
        (self.tools / name).write_text(script)
        (self.tools / name).chmod(0o755)

    def start(self, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
        inherited = {name: value for name, value in os.environ.items() if name != "INIT_CWD"}
        path = {"PATH": f"{self.tools}:{os.environ['PATH']}", "LOG": str(self.log)}
        return subprocess.Popen(
            [sys.executable, self.folder / "uvw", *arguments],
            env=inherited | path | environment,
            cwd=self.folder.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, **environment: str) -> tuple[int, str, str]:
        """The exit code, the output and the complaints of a command."""
        with self.start(*arguments, **environment) as process:
            output, complaints = process.communicate()
            return process.returncode, output, complaints

    def asked(self) -> list[str]:
        """What uv was asked for since the last call."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return lines


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "a checkout")


def test_it_explains_itself(checkout: Checkout) -> None:
    code, output, complaints = checkout.run("--help")
    assert (code, complaints, "./uvw deals dev" in output, "./uvw pytest" in output) == (0, "", True, True)
    assert checkout.run() == (2, "", output)
    assert checkout.asked() == []


def test_an_unknown_command_is_127(checkout: Checkout) -> None:
    checkout.run("true")
    assert checkout.run("no-such-thing") == (
        127,
        "",
        "uvw: There is no command 'no-such-thing' in backend/.venv or on PATH.\n",
    )


def test_the_command_runs_in_the_backend_and_knows_where_its_caller_stood(checkout: Checkout) -> None:
    show = ("sh", "-c", 'pwd -P; echo "$INIT_CWD"')
    folders = [str(checkout.backend.resolve()), str(checkout.folder.parent)]
    assert checkout.run(*show)[1].splitlines() == folders
    assert checkout.run(*show, INIT_CWD="/elsewhere")[1].splitlines() == [folders[0], "/elsewhere"]


def test_the_environments_commands_come_first(checkout: Checkout) -> None:
    assert checkout.run("greet")[1] == f"inside {checkout.backend / '.venv'}\n"


def test_the_exit_code_is_the_commands(checkout: Checkout) -> None:
    assert checkout.run("sh", "-c", "exit 7")[0] == 7


def test_a_signal_is_the_commands(checkout: Checkout) -> None:
    wait = "import signal as s, sys; s.signal(s.SIGTERM, lambda *_: sys.exit(3)); print('ready', flush=True); s.pause()"
    with checkout.start(sys.executable, "-c", wait) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 3


def test_it_installs_when_something_changed_and_says_so(checkout: Checkout) -> None:
    assert checkout.run("true") == (0, "", "uvw: installing the packages of backend/requirements.lock ...\n")
    assert checkout.asked() == STEPS
    assert checkout.run("true") == (0, "", "")
    assert checkout.asked() == []
    for name in ("requirements.lock", "pyproject.toml"):
        (checkout.backend / name).write_text("other\n")
        checkout.run("true")
        assert checkout.asked() == ["pip sync", "pip install"]


def test_a_moved_checkout_gets_a_new_environment(checkout: Checkout) -> None:
    checkout.run("true")
    checkout.folder = checkout.folder.rename(checkout.folder.with_name("moved"))
    checkout.asked()
    checkout.run("true")
    assert checkout.asked() == STEPS


@pytest.mark.parametrize("before", [[], ["true"]], ids=["the first", "an update"])
def test_an_installation_that_broke_off_is_done_again(checkout: Checkout, before: list[str]) -> None:
    lock, broken = checkout.backend / "requirements.lock", checkout.log.with_name("uv.log.broken")
    locked = lock.read_text()
    checkout.run(*before)
    broken.touch()
    lock.write_text("other\n")
    code, output, complaints = checkout.run("greet")
    assert (code, output, "uvw: This failed" in complaints) == (1, "", True)
    broken.unlink()
    lock.write_text(locked)
    checkout.asked()
    assert checkout.run("greet")[0] == 0
    assert checkout.asked() == STEPS


def test_of_several_at_once_one_installs(checkout: Checkout) -> None:
    with ThreadPoolExecutor() as pool:
        codes = list(pool.map(lambda _: checkout.run("greet")[0], range(4)))
    assert (codes, checkout.asked()) == ([0] * 4, STEPS)


def test_without_uv_and_pip_it_says_what_to_install(checkout: Checkout, tmp_path: Path) -> None:
    venv.create(tmp_path / "bare", with_pip=False, symlinks=True)
    (checkout.tools / "uv").unlink()
    bare = tmp_path / "bare" / "bin" / "python"
    command, environment = [str(bare), str(checkout.folder / "uvw"), "true"], {"PATH": str(checkout.tools)}
    ended = subprocess.run(command, env=environment, stderr=subprocess.PIPE, text=True, check=False)
    assert (ended.returncode, f"no uv on PATH, and {bare} has no pip" in ended.stderr) == (1, True)


def test_a_python_that_is_too_old_can_read_it_and_is_refused(checkout: Checkout) -> None:
    ast.parse(UVW.read_text(), feature_version=(3, 7))
    pretend = "import runpy, sys; sys.version_info = (3, 10, 4); runpy.run_path(sys.argv[1], run_name='__main__')"
    ended = subprocess.run([sys.executable, "-c", pretend, UVW, "pytest"], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr.startswith("uvw: Python 3.11 or newer is needed")) == (1, True)
