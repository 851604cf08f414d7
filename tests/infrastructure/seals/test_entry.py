from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infrastructure.seals.entry import (
    MAX_PART_BYTES,
    EntryMalformed,
    LogEntry,
    decode_entry,
    encode_entry,
)

parts = st.binary(max_size=60)
entries = st.builds(
    LogEntry,
    position=st.integers(0, 2**63 - 1),
    stream=st.uuids(),
    version=st.integers(1, 2**63 - 1),
    event_id=st.uuids(),
    recorded_at=st.integers(-(2**63), 2**63 - 1),
    command_id=st.uuids(),
    person_id=st.uuids(),
    causation_id=st.none() | st.uuids() | st.just(UUID(int=0)),
    topic=parts,
    actor=parts,
    correlation_id=st.none() | parts,
    state_digest=st.binary(min_size=32, max_size=32),
)


@given(entry=entries)
def test_an_entry_is_decoded_as_it_was(entry: LogEntry) -> None:
    assert decode_entry(encode_entry(entry)) == entry


@given(first=entries, second=entries)
def test_different_rows_have_different_entries(first: LogEntry, second: LogEntry) -> None:
    assert (first == second) == (encode_entry(first) == encode_entry(second))


@given(entry=entries, length=st.integers(MAX_PART_BYTES + 1, 3 * MAX_PART_BYTES))
def test_long_texts_are_digests(entry: LogEntry, length: int) -> None:
    long = entry._replace(topic=b"t" * length, actor=b"a" * length, correlation_id=b"c" * length)
    encoded = encode_entry(long)
    assert len(encoded) < 65_535
    assert decode_entry(encoded).actor.startswith(b"sha256:")
    assert encoded != encode_entry(long._replace(actor=b"a" * (length + 1)))


@given(entry=entries, cut=st.integers(1, 40))
def test_what_is_cut_off_is_no_entry(entry: LogEntry, cut: int) -> None:
    with pytest.raises(EntryMalformed):
        decode_entry(encode_entry(entry)[:-cut])
