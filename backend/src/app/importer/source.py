"""Open a file of deals as text: from disk or standard input, compressed or not, in UTF-8, UTF-16 or UTF-32."""

import bz2
import codecs
import gzip
import io
import lzma
import os
import re
import shutil
import stat
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, Final, TextIO, cast

from app.importer.types import STANDARD_INPUT, LoadFileError, display_name

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_PEEK_BYTES: Final = 512
_BYTE_ORDER_MARKS: Final[Mapping[bytes, str]] = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark is the beginning of this one
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_OTHER_FORMATS: Final[Mapping[bytes, str]] = {
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an Excel workbook",
    b"PAR1": "a Parquet file",
    b"SQLite format 3\0": "an SQLite database",
    b"%PDF": "a PDF document",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!": "a RAR archive",
    b"<": "an HTML or XML document",
    b"{": "a JSON document",
    b"[": "a JSON document",
}
"""By their first bytes."""
_UTF_16: Final = re.compile(rb"([^\0]\0){2}|(\0[^\0]){2}")
_TAR_MAGIC: Final = slice(257, 262)
_ENCRYPTED: Final = 1
_DAMAGED: Final = (EOFError, zlib.error, lzma.LZMAError, zstd.ZstdError, zipfile.BadZipFile, gzip.BadGzipFile)


@dataclass(frozen=True, slots=True)
class Source:
    """A file of deals that is being read."""

    name: str
    text: TextIO
    """The content with its line endings. Bytes that are not UTF-8 are lone surrogates, as in PEP 383."""
    _file: BinaryIO
    _size: int

    @property
    def share(self) -> float:
        """The part of the file read so far, from 0 to 1."""
        return min(self._file.tell() / self._size, 1.0) if self._size else 1.0


@contextmanager
def open_source(path: Path) -> Iterator[Source]:
    """Open the file at `path`, or standard input for `-`.

    Raises LoadFileError if the file cannot be read, is not text, is damaged, or changes before the end of the block.
    """
    name = display_name(path)
    with ExitStack() as stack, _reading_errors(name):
        file = stack.enter_context(_open_file(path, name=name))
        before = os.fstat(file.fileno())
        text = _decode(_decompress(file, name=name), name=name)
        yield Source(name, text, file, before.st_size)
        after = os.fstat(file.fileno())
        if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
            raise LoadFileError(f"{name} changed while it was being read.")


@contextmanager
def _reading_errors(name: str) -> Iterator[None]:
    """Raise LoadFileError for every error of the file system, of a decompressor, or of a decoder."""
    try:
        yield
    except NotImplementedError as error:
        raise LoadFileError(f"{name} is a zip archive that cannot be decompressed: {error}.") from error
    except _DAMAGED as error:
        raise LoadFileError(_damaged(name)) from error
    except UnicodeError as error:
        raise LoadFileError(f"{name} is damaged or incomplete: its encoding is invalid.") from error
    except OSError as error:  # without a number, it is of the bzip2 decompressor
        raise LoadFileError(f"{name} cannot be read: {error.strerror}." if error.errno else _damaged(name)) from error


def _damaged(name: str) -> str:
    return f"{name} is damaged or incomplete: it cannot be decompressed to its end."


def _open_file(path: Path, *, name: str) -> BinaryIO:
    """A seekable file. Pipes, which `<(command)` in a shell is too, are copied to a temporary file first."""
    if path == STANDARD_INPUT:
        if sys.stdin is None:
            raise LoadFileError("Standard input is closed.")
        return _spool(sys.stdin.buffer)
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise LoadFileError(f"There is no file {path}.") from None
    if stat.S_ISDIR(mode):
        raise LoadFileError(f"{name} is a directory.")
    file = path.open("rb")
    if stat.S_ISREG(mode):
        return file
    with file:
        return _spool(file)


def _spool(stream: BinaryIO) -> BinaryIO:
    # Unlinked from the start, so that a killed import leaves nothing.
    file = cast("BinaryIO", TemporaryFile())  # noqa: SIM115  closed by the caller
    shutil.copyfileobj(stream, file)
    file.seek(0)
    return file


def _peek(file: BinaryIO) -> bytes:
    start = file.read(_PEEK_BYTES)
    file.seek(0)
    return start


def _decompress(file: BinaryIO, *, name: str) -> BinaryIO:
    start = _peek(file)
    for signature, decompress in _DECOMPRESSORS.items():
        if start.startswith(signature):
            return decompress(file, name)
    return file


def _open_zip_member(file: BinaryIO, name: str) -> BinaryIO:
    archive = zipfile.ZipFile(file)
    members = [member for member in archive.infolist() if not member.filename.endswith("/")]
    names = {member.filename for member in members}
    if "xl/workbook.xml" in names or "xl/workbook.bin" in names:
        raise LoadFileError(_describe(name, "an Excel workbook"))
    if "mimetype" in names:
        raise LoadFileError(_describe(name, "an OpenDocument file"))
    members = [member for member in members if not member.filename.startswith("__MACOSX/")]
    if len(members) != 1:
        raise LoadFileError(f"{name} is a zip archive of {len(members)} files: it must contain one, the CSV file.")
    if members[0].flag_bits & _ENCRYPTED:
        raise LoadFileError(f"{name} is an encrypted zip archive: unzip it, and load the CSV file.")
    return cast("BinaryIO", archive.open(members[0]))


_DECOMPRESSORS: Final[Mapping[bytes, Callable[[BinaryIO, str], BinaryIO]]] = {
    b"\x1f\x8b": lambda file, _: cast("BinaryIO", gzip.open(file)),  # noqa: SIM115  closed with its text
    b"BZh": lambda file, _: cast("BinaryIO", bz2.open(file)),  # noqa: SIM115  closed with its text
    b"\xfd7zXZ\0": lambda file, _: cast("BinaryIO", lzma.open(file)),  # noqa: SIM115  closed with its text
    b"\x28\xb5\x2f\xfd": lambda file, _: cast("BinaryIO", zstd.open(file)),
    b"PK\x03\x04": _open_zip_member,
}
"""By the first bytes of a file."""


def _decode(file: BinaryIO, *, name: str) -> TextIO:
    start = _peek(file)
    for mark, encoding in _BYTE_ORDER_MARKS.items():
        if start.startswith(mark):
            errors = "surrogateescape" if mark == codecs.BOM_UTF8 else "strict"
            return io.TextIOWrapper(file, encoding, errors, newline="")
    _require_text(start, name=name)
    return io.TextIOWrapper(file, "utf-8", "surrogateescape", newline="")


def _require_text(start: bytes, *, name: str) -> None:
    """Raise LoadFileError if a file that begins with `start` is in another format or in UTF-16 without a mark."""
    for signature, format_name in _OTHER_FORMATS.items():
        if start.lstrip().startswith(signature):
            raise LoadFileError(_describe(name, format_name))
    if start[_TAR_MAGIC] == b"ustar":
        raise LoadFileError(_describe(name, "a tar archive"))
    if any(start.startswith(signature) for signature in _DECOMPRESSORS):
        raise LoadFileError(f"{name} is compressed twice: decompress it once, and load the result.")
    if _UTF_16.match(start):
        raise LoadFileError(f"{name} is in UTF-16 without a byte order mark: save it as UTF-8.")
    if b"\0" in start.partition(b"\n")[0]:
        raise LoadFileError(_describe(name, "a binary file"))


def _describe(name: str, format_name: str) -> str:
    return f"{name} is {format_name}, not a CSV file: export its data as CSV in UTF-8, and load that file."
