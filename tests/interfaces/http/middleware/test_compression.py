import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interfaces.http.middleware.compression import accepts_gzip, compress, decompress


@pytest.mark.parametrize(
    ("sent", "accepted"),
    [
        (None, False),
        (b"", False),
        (b"gzip", True),
        (b"GZIP", True),
        (b"x-gzip", True),
        (b"gzip, deflate, br, zstd", True),
        (b"br;q=1.0, gzip;q=0.8, *;q=0.1", True),
        (b"identity", False),
        (b"identity, *;q=0", False),
        (b"gzip;q=0", False),
        (b"gzip; q=0.000, *", False),
        (b"gzip;Q=0", False),
        (b"*", True),
        (b"*;q=0", False),
        (b"deflate,br", False),
        (b"gzip;q=much", False),
        (b"gzip;q=nan", False),
        (b" gzip ; q=0.1", True),
        (b"gzipped", False),
        (b"\xff;q=1,,;=,gzip", True),
    ],
)
def test_the_header_decides(sent: bytes | None, accepted: bool) -> None:  # noqa: FBT001  # a parameter
    assert accepts_gzip(sent) == accepted


@given(st.binary(max_size=200))
def test_no_header_makes_it_fail(sent: bytes) -> None:
    assert accepts_gzip(sent) in {True, False}


@given(st.binary(max_size=5000))
def test_a_document_is_the_same_after_compression(document: bytes) -> None:
    content = compress(document)
    assert gzip.decompress(content) == decompress(content) == document
