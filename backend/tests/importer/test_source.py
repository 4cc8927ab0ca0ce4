"""Opening files: compression, encodings, other formats, pipes, and files that change."""

import bz2
import gzip
import lzma
import os
import sys
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from threading import Thread
from typing import Final

import pytest

from app.importer.source import open_source
from app.importer.types import STANDARD_INPUT, LoadFileError
from tests.support.deal_files import row, to_csv

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

TEXT: Final = to_csv([row(hotel_city="Zürich"), row(hotel_city="Łódź")])
CONTENT: Final = TEXT.encode()


def zip_files(*names: str, content: bytes = CONTENT) -> bytes:
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        for name in names:
            out.writestr(name, content)
    return archive.getvalue()


COMPRESSED: Final = {
    "gz": gzip.compress(CONTENT),
    "gz of two members": gzip.compress(CONTENT[:100]) + gzip.compress(CONTENT[100:]),
    "bz2": bz2.compress(CONTENT),
    "xz": lzma.compress(CONTENT),
    "zst": zstd.compress(CONTENT),
    "zst of two frames": zstd.compress(CONTENT[:100]) + zstd.compress(CONTENT[100:]),
    "zip": zip_files("deals.csv"),
    "zip of macOS": zip_files("data/", "data/deals.csv", "__MACOSX/data/._deals.csv"),
}
ENCODED: Final = {
    "utf-8": CONTENT,
    "utf-8 with byte order mark": TEXT.encode("utf-8-sig"),
    "utf-16": TEXT.encode("utf-16"),
    "utf-16 big-endian": b"\xfe\xff" + TEXT.encode("utf-16-be"),
    "utf-32": TEXT.encode("utf-32"),
    "utf-16 in gz": gzip.compress(TEXT.encode("utf-16")),
}
UNREADABLE: Final = {
    "Excel workbook (xlsx)": (
        zip_files("[Content_Types].xml", "xl/workbook.xml"),
        "is an Excel workbook, not a CSV file",
    ),
    "Excel workbook (xls)": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504), "is an Excel workbook, not a CSV file"),
    "OpenDocument": (zip_files("mimetype", "content.xml"), "is an OpenDocument file, not a CSV file"),
    "Parquet": (b"PAR1" + bytes(100), "is a Parquet file, not a CSV file"),
    "PDF": (b"%PDF-1.7\n", "is a PDF document, not a CSV file"),
    "HTML": (b"\n<!DOCTYPE html><html>", "is an HTML or XML document, not a CSV file"),
    "JSON": (b'[{"id": 1}]', "is a JSON document, not a CSV file"),
    "tar": (b"deals.csv".ljust(257, b"\0") + b"ustar", "is a tar archive, not a CSV file"),
    "tar.gz": (gzip.compress(b"deals.csv".ljust(257, b"\0") + b"ustar"), "is a tar archive, not a CSV file"),
    "gz in gz": (gzip.compress(gzip.compress(CONTENT)), "is compressed twice"),
    "several files": (zip_files("a.csv", "b.csv"), "is a zip archive of 2 files: it must contain one"),
    "no file": (zip_files("a/"), "is a zip archive of 0 files: it must contain one"),
    "UTF-16 without mark": (TEXT.encode("utf-16-le"), "is in UTF-16 without a byte order mark: save it as UTF-8"),
    "binary": (b"\x7fELF\x02\x01\x01" + bytes(9), "is a binary file, not a CSV file"),
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "deals.csv"


def read(file: Path) -> str:
    with open_source(file) as source:
        return source.text.read()


def get_error(file: Path) -> str:
    with pytest.raises(LoadFileError) as caught:
        read(file)
    return str(caught.value)


@pytest.mark.parametrize("content", [*COMPRESSED.values(), *ENCODED.values()], ids=[*COMPRESSED, *ENCODED])
def test_content_is_decompressed_and_decoded(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    assert read(file) == TEXT


@pytest.mark.parametrize(("content", "message"), UNREADABLE.values(), ids=UNREADABLE)
def test_other_format_is_named(file: Path, content: bytes, message: str) -> None:
    file.write_bytes(content)
    assert f"deals.csv {message}" in get_error(file)


@pytest.mark.parametrize("content", COMPRESSED.values(), ids=COMPRESSED)
def test_truncated_compressed_file_is_reported(file: Path, content: bytes) -> None:
    file.write_bytes(content[:-9])
    assert get_error(file) == "deals.csv is damaged or incomplete: it cannot be decompressed to its end."


def test_overwritten_compressed_file_is_reported(file: Path) -> None:
    file.write_bytes(COMPRESSED["bz2"][:20] + bytes(20) + COMPRESSED["bz2"][40:])
    assert get_error(file) == "deals.csv is damaged or incomplete: it cannot be decompressed to its end."


def test_unknown_compression_of_zip_archive_is_reported(file: Path) -> None:
    file.write_bytes(COMPRESSED["zip"].replace(b"\x08\0", b"\x63\0"))
    assert "is a zip archive that cannot be decompressed: " in get_error(file)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_truncated_encoding_is_reported(file: Path, encoding: str) -> None:
    file.write_bytes(TEXT.encode(encoding)[:-1])
    assert get_error(file) == "deals.csv is damaged or incomplete: its encoding is invalid."


def test_byte_that_is_not_utf_8_is_a_lone_surrogate(file: Path) -> None:
    file.write_bytes(b"Z\xfcrich")
    assert read(file) == "Z\udcfcrich"


def test_member_of_zip_archive_without_a_name_is_read(file: Path) -> None:
    file.write_bytes(COMPRESSED["zip"].replace(b"deals.csv", b"\0eals.csv"))
    assert read(file) == TEXT


def test_closed_standard_input_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert get_error(STANDARD_INPUT) == "Standard input is closed."


def test_share_grows_to_one(file: Path) -> None:
    file.write_bytes(gzip.compress(CONTENT))
    with open_source(file) as source:
        source.text.read()
        assert source.share == 1


def _truncate(file: Path) -> None:
    os.truncate(file, 0)


def _append_row(file: Path) -> None:
    with file.open("a") as out:
        out.write("8")


def _rewrite(file: Path) -> None:
    file.write_bytes(file.read_bytes())


@pytest.mark.parametrize("change", [_truncate, _append_row, _rewrite])
def test_file_that_changes_while_it_is_read_is_reported(file: Path, change: Callable[[Path], None]) -> None:
    file.write_bytes(CONTENT)
    os.utime(file, ns=(0, 0))
    with pytest.raises(LoadFileError, match=r"^deals\.csv changed while it was being read\.$"), open_source(file):
        change(file)


def test_missing_file_is_reported(file: Path) -> None:
    assert get_error(file) == f"There is no file {file}."


def test_directory_is_reported(tmp_path: Path) -> None:
    assert get_error(tmp_path) == f"{tmp_path.name} is a directory."


def test_file_that_cannot_be_read_is_reported() -> None:
    assert get_error(Path("/proc/self/mem")) == "mem cannot be read: Input/output error."


@pytest.mark.parametrize("content", [CONTENT, COMPRESSED["zip"]], ids=["text", "zip"])
def test_named_pipe_is_read(file: Path, content: bytes) -> None:
    os.mkfifo(file)
    writer = Thread(target=file.write_bytes, args=[content])
    writer.start()
    assert read(file) == TEXT
    writer.join()


def test_control_characters_in_name_are_escaped(tmp_path: Path) -> None:
    file = tmp_path / "deals\x1b[31m.csv"
    file.write_bytes(b"%PDF")
    assert get_error(file).startswith("deals\\x1b[31m.csv is a PDF document")
