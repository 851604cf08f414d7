import pytest
from hypothesis import given
from hypothesis import strategies as st

from infrastructure.seals.add_checkpoint import AddCheckpoint, AddCheckpointMalformed

NOTE = b"log.example/a\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n\xe2\x80\x94 a b\n"
HASH = b"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="


@given(st.integers(0, 10**19 - 1), st.lists(st.binary(min_size=32, max_size=32), max_size=63))
def test_a_request_is_read_as_it_was_written(old_size: int, proof: list[bytes]) -> None:
    request = AddCheckpoint(old_size, proof, NOTE)
    assert AddCheckpoint.parse(request.body()) == request


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"old 1\n",
        b"old 1\n" + NOTE,
        b"old 01\n\n" + NOTE,
        b"old -1\n\n" + NOTE,
        b"old 1 \n\n" + NOTE,
        b"old  1\n\n" + NOTE,
        b"Old 1\n\n" + NOTE,
        b"old 1\r\n\r\n" + NOTE,
        b"old " + b"9" * 5000 + b"\n\n" + NOTE,
        b"old \xd9\xa1\n\n" + NOTE,
        b"size 1\n\n" + NOTE,
        b"\nold 1\n\n" + NOTE,
        b"old 1\nAAAA\n\n" + NOTE,
        b"old 1\n" + HASH[:-1] + b"\n\n" + NOTE,
        b"old 1\n" + HASH + b" \n\n" + NOTE,
        b"old 1\n" + HASH.replace(b"U=", b"V=") + b"\n\n" + NOTE,
        b"old 1\n" + (HASH + b"\n") * 64 + b"\n" + NOTE,
    ],
)
def test_what_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(AddCheckpointMalformed):
        AddCheckpoint.parse(body)


@given(st.binary(max_size=200))
def test_bytes_are_a_request_or_are_refused(body: bytes) -> None:
    try:
        request = AddCheckpoint.parse(body)
    except AddCheckpointMalformed:
        return
    assert request.body() == body
