"""Compressed responses."""

import gzip
import json
from typing import Final

import brotli  # type: ignore[import-untyped]  # it has no types
import pytest
import zstandard

from tests.api.test_response_headers import get_headers, send
from tests.support.raw_http import RawConnection

DECODERS: Final = {
    "gzip": gzip.decompress,
    "br": brotli.decompress,
    "zstd": zstandard.ZstdDecompressor().decompress,
}
MANY_PROBLEMS: Final = "/deals?" + "&".join(f"{'colour' * 8}{n}=red" for n in range(50))


@pytest.mark.parametrize("coding", DECODERS)
@pytest.mark.parametrize("path", ["/openapi.json", MANY_PROBLEMS], ids=["read", "error"])
def test_large_response_is_compressed(wire: RawConnection, path: str, coding: str) -> None:
    plain, compressed = send(wire, path), send(wire, path, accept_encoding=coding)
    assert (len(plain.body) > 4096, plain.headers["content-encoding"]) == (True, None)
    headers = get_headers(compressed)
    assert (headers["content-encoding"], headers["vary"]) == (coding, "Accept-Encoding")
    assert int(headers["content-length"]) == len(compressed.body) < len(plain.body) / 3
    assert set(json.loads(DECODERS[coding](compressed.body))) == set(plain.json())
    tag = plain.headers["etag"]
    assert headers.get("etag") == (f"W/{tag}" if tag else None)


def test_small_response_is_not_compressed(wire: RawConnection) -> None:
    assert send(wire, "/deals/1", accept_encoding="gzip").headers["content-encoding"] is None


def test_content_coding_is_negotiated(wire: RawConnection) -> None:
    codings = dict.fromkeys(["", "identity", "deflate", "gzip;q=0", "gzip; q=0.000", "*;q=0", "gzipped"])
    codings |= dict.fromkeys(["gzip", "GZip", "gzip ; q=0.001", "*;q=0, gzip"], "gzip")
    codings |= dict.fromkeys(["br;q=1, gzip;q=0.5", "zstd;q=0, *"], "br")
    codings |= dict.fromkeys(["*", "gzip, deflate, br, zstd", "gzip;q=0, *"], "zstd")
    selected = {
        header: send(wire, "/openapi.json", accept_encoding=header).headers["content-encoding"] for header in codings
    }
    assert selected == codings
