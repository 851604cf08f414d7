"""A commitment shows one event without a key, and shows no other one."""

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from infrastructure.event_store.encryption import (
    COMMITMENT_BYTES,
    COMMITTED_FLAG,
    COMPRESSED_FLAG,
    ENCRYPTED_FLAG,
    FORM_BYTES,
    MIN_COMPRESSED_BYTES,
    NONCE_BYTES,
    RANDOM_BYTES,
    SALT_BYTES,
    DecryptionFailed,
    Opening,
    OpeningWrong,
    check_opening,
    commitment_of,
    decrypt,
    encrypt,
    encrypt_committed,
    is_encrypted,
    open_committed,
)

CIPHER = AESGCM(bytes(range(32)))
OTHER_CIPHER = AESGCM(bytes(32))
PLACE = b"stream and version"
RANDOM = bytes(range(RANDOM_BYTES))
SMALL, LARGE = b'{"a":1}', b'{"a":"' + b"x" * MIN_COMPRESSED_BYTES + b'"}'

datas = st.one_of(
    st.binary(max_size=200), st.binary(min_size=1, max_size=9).map(lambda part: part * 2048)
)
randoms = st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES)


def every_form(data: bytes) -> list[bytes]:
    return [
        encrypt(data, None, b"", PLACE),
        encrypt(data, CIPHER, bytes(NONCE_BYTES), PLACE),
        encrypt_committed(data, CIPHER, RANDOM, PLACE),
    ]


@pytest.mark.parametrize(
    ("data", "forms"),
    [
        (SMALL, [0, ENCRYPTED_FLAG, ENCRYPTED_FLAG | COMMITTED_FLAG]),
        (
            LARGE,
            [
                COMPRESSED_FLAG,
                COMPRESSED_FLAG | ENCRYPTED_FLAG,
                COMPRESSED_FLAG | ENCRYPTED_FLAG | COMMITTED_FLAG,
            ],
        ),
    ],
)
def test_every_form_has_its_flags_and_is_readable(data: bytes, forms: list[int]) -> None:
    stored = every_form(data)
    assert [each[0] for each in stored] == forms
    assert [decrypt(each, CIPHER, PLACE) for each in stored] == [data] * 3
    assert [is_encrypted(each) for each in stored] == [False, True, True]
    assert [commitment_of(each) is None for each in stored] == [True, True, False]
    assert [open_committed(each, CIPHER, PLACE) is None for each in stored] == [True, True, False]


@given(data=datas, random=randoms)
def test_an_opening_has_the_exact_data_and_its_salt(data: bytes, random: bytes) -> None:
    stored = encrypt_committed(data, CIPHER, random, PLACE)
    opening = open_committed(stored, CIPHER, PLACE)
    assert opening == Opening(random[NONCE_BYTES:], data)
    check_opening(stored, opening)
    assert decrypt(stored, CIPHER, PLACE) == data
    assert opening.salt not in stored


@given(first=st.tuples(datas, randoms), second=st.tuples(datas, randoms))
def test_the_opening_of_an_event_is_never_that_of_another(
    first: tuple[bytes, bytes], second: tuple[bytes, bytes]
) -> None:
    one, other = (
        encrypt_committed(data, CIPHER, random, PLACE) for data, random in (first, second)
    )
    opening = open_committed(one, CIPHER, PLACE)
    assert opening
    if (first[0], first[1][NONCE_BYTES:]) != (second[0], second[1][NONCE_BYTES:]):
        with pytest.raises(OpeningWrong, match="another salt or content"):
            check_opening(other, opening)


@pytest.mark.parametrize("data", [SMALL, LARGE])
def test_no_changed_byte_of_the_stored_bytes_is_accepted(data: bytes) -> None:
    stored = encrypt_committed(data, CIPHER, RANDOM, PLACE)
    for index in range(len(stored)):
        changed = bytearray(stored)
        changed[index] ^= 1
        with pytest.raises(DecryptionFailed):
            decrypt(bytes(changed), CIPHER, PLACE)


@given(st.integers(0, SALT_BYTES + len(SMALL) - 1), st.integers(1, 255))
def test_no_changed_byte_of_an_opening_is_accepted(index: int, change: int) -> None:
    stored = encrypt_committed(SMALL, CIPHER, RANDOM, PLACE)
    whole = bytearray(RANDOM[NONCE_BYTES:] + SMALL)
    whole[index] ^= change
    with pytest.raises(OpeningWrong):
        check_opening(stored, Opening(bytes(whole[:SALT_BYTES]), bytes(whole[SALT_BYTES:])))


def test_bytes_do_not_move_between_salt_and_plaintext() -> None:
    stored = encrypt_committed(SMALL, CIPHER, RANDOM, PLACE)
    whole = RANDOM[NONCE_BYTES:] + SMALL
    for end in (0, SALT_BYTES - 1, SALT_BYTES + 1, len(whole)):
        with pytest.raises(OpeningWrong, match="a salt has 16 bytes"):
            check_opening(stored, Opening(whole[:end], whole[end:]))


@pytest.mark.parametrize("form", [4, 5, 8, 15, 255])
def test_an_unknown_form_has_no_commitment_and_is_refused(form: int) -> None:
    stored = bytes([form]) + encrypt_committed(SMALL, CIPHER, RANDOM, PLACE)[1:]
    with pytest.raises(DecryptionFailed, match="format is unknown"):
        decrypt(stored, CIPHER, PLACE)
    assert commitment_of(stored) is None
    with pytest.raises(OpeningWrong, match="have no commitment"):
        check_opening(stored, Opening(RANDOM[NONCE_BYTES:], SMALL))


@pytest.mark.parametrize("length", [0, 1, COMMITMENT_BYTES])
def test_stored_bytes_that_are_too_short_have_no_commitment(length: int) -> None:
    stored = encrypt_committed(SMALL, CIPHER, RANDOM, PLACE)[:length]
    assert commitment_of(stored) is None


def test_a_commitment_that_is_not_to_the_content_is_found_when_it_is_opened() -> None:
    commitment = bytes(COMMITMENT_BYTES)
    nonce, salt = RANDOM[:NONCE_BYTES], RANDOM[NONCE_BYTES:]
    head = FORM_BYTES[ENCRYPTED_FLAG | COMMITTED_FLAG] + commitment
    stored = head + nonce + CIPHER.encrypt(nonce, salt + SMALL, PLACE + head)
    assert decrypt(stored, CIPHER, PLACE) == SMALL
    with pytest.raises(OpeningWrong):
        open_committed(stored, CIPHER, PLACE)


def test_another_key_or_place_opens_nothing() -> None:
    stored = encrypt_committed(SMALL, CIPHER, RANDOM, PLACE)
    for cipher, place in ((OTHER_CIPHER, PLACE), (CIPHER, b"another place")):
        with pytest.raises(DecryptionFailed, match="changed, moved"):
            open_committed(stored, cipher, place)
    with pytest.raises(DecryptionFailed, match="no key"):
        decrypt(stored, None, PLACE)
