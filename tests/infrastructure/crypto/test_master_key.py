"""Which master keys are accepted, what is derived from them, and how wrong ones are detected."""

import base64
import logging
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from infrastructure.crypto.key_check import (
    WrongMasterKey,
    check_master_key,
    verify_master_keys,
)
from infrastructure.crypto.key_file import KeyFileUnusable, read_or_create_key
from infrastructure.crypto.master_key import (
    PLACEHOLDER_KEY,
    InvalidMasterKey,
    parse_key_ring,
    require_strong_newest_key,
)
from infrastructure.postgres.execute import execute
from infrastructure.postgres.pools import WritePool, open_write_pool

SECRET = bytes(range(32))
HEX = "hex:" + SECRET.hex()
BASE64 = "base64:" + base64.b64encode(SECRET).decode()
OTHER = "hex:" + SECRET[::-1].hex()
PLAIN = "correct horse battery staple 123"


def is_same_key(first: str, second: str) -> bool:
    first_key, second_key = parse_key_ring(first).newest, parse_key_ring(second).newest
    return first_key.derive("test") == second_key.derive("test")


def test_the_three_encodings_give_the_same_key() -> None:
    assert is_same_key(HEX, BASE64)
    assert is_same_key(HEX.replace("a", "A").replace("b", "B"), HEX)
    assert is_same_key(PLAIN, "hex:" + PLAIN.encode().hex())


@pytest.mark.parametrize(
    "value",
    [
        PLAIN,
        "k2=a,k1=b, anything = any,thing!",
        "hex:0123456789abcdef0123456789ab",
        "é" * 15 + "ab",
    ],
)
def test_exactly_32_bytes_are_one_key_whatever_they_contain(value: str) -> None:
    assert len(value.encode()) == 32
    assert parse_key_ring(value).ids == ["k1"]
    assert is_same_key(value, "hex:" + value.encode().hex())


def test_several_keys_newest_first() -> None:
    ring = parse_key_ring(f"k2={OTHER}, k1={HEX}")
    assert (ring.newest.id, ring.ids) == ("k2", ["k2", "k1"])
    assert ring.by_id("k1").derive("test") == parse_key_ring(HEX).newest.derive("test")
    assert parse_key_ring(f"new={BASE64},{OTHER}").ids == ["new", "k1"]
    with pytest.raises(KeyError):
        ring.by_id("k3")


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("", "exactly 32 bytes, this one has 0:"),
        ("x" * 16, "has 16"),
        ("abcdefgh" * 3, "has 24"),
        (PLAIN[:31], "has 31"),
        (PLAIN + "4", "has 33"),
        ("é" * 32, "has 64"),
        ("a" * 32, "are the same"),
        ("hex:" + "00" * 32, "are the same"),
        ("hex:" + "0g" * 32, "not valid hex"),
        ("hex:" + "01" * 31, "has 31"),
        ("base64:????", "not valid base64"),
        ("base64:" + base64.b64encode(SECRET[:24]).decode(), "has 24"),
        (base64.b64encode(SECRET).decode(), "write `base64:` in front"),
        (SECRET.hex(), "write `hex:` in front"),
        (PLACEHOLDER_KEY, "placeholder"),
        (f"k1={PLACEHOLDER_KEY}", "placeholder"),
        ("your-encryption-key-32-chars-min", "published"),
        (f"k2={HEX},k1=reallyreallyreallyreallyverysafe", "published"),
        (f"{HEX},{OTHER}", "the same id"),
        (f"k1={HEX},k1={OTHER}", "the same id"),
    ],
)
def test_an_invalid_key_is_refused_with_advice(value: str, hint: str) -> None:
    with pytest.raises(InvalidMasterKey, match=hint) as error:
        parse_key_ring(value)
    assert len(value) < 16 or value not in str(error.value)


def test_a_key_of_low_entropy_gives_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    parse_key_ring("aaaaaaaabbbbbbbbaaaaaaaabbbbbbbb")
    assert "does not look random" in caplog.text
    assert "aaaabbbb" not in caplog.text
    caplog.clear()
    parse_key_ring("q8Zf-3kLw!xT0vB7nR2mYc5JdG9hSe4U")
    parse_key_ring(HEX)
    assert caplog.text == ""


@pytest.mark.parametrize(
    "value",
    [
        "aaaaaaaabbbbbbbbaaaaaaaabbbbbbbb",
        "k2=0101010101010101010101010101010101010101010101010101010101010101"[:35],
        "changemechangemechangemechangeme",
        "0123456789abcdef0123456789abcdef",
    ],
)
def test_a_plain_key_that_can_be_guessed_may_only_be_an_older_one(value: str) -> None:
    with pytest.raises(InvalidMasterKey, match="easeboard keys rotate") as error:
        require_strong_newest_key(value)
    assert value not in str(error.value)
    older = value if "=" in value else f"k1={value}"
    require_strong_newest_key(f"k9={HEX},{older}")
    require_strong_newest_key(f"k9={PLAIN},{older}")
    assert parse_key_ring(f"k9={HEX},{older}").newest.id == "k9"


@pytest.mark.parametrize("value", [HEX, BASE64, PLAIN, f"k2={HEX},k1={OTHER}", "hex:" + "01" * 32])
def test_other_keys_are_strong_enough(value: str) -> None:
    require_strong_newest_key(value)


def test_each_purpose_has_its_own_derived_key() -> None:
    key = parse_key_ring(HEX).newest
    known = "cdac075405de95fb7dd48611b45ac046ab2c626e1f622b10b4698c17d4528d6c"
    assert key.derive("one").hex() == known
    assert key.derive("one") != key.derive("two") != SECRET


def test_the_repr_of_a_key_does_not_contain_the_secret() -> None:
    key = parse_key_ring(HEX).newest
    assert repr(key) == "MasterKey('k1')"


@pytest.fixture
def pool(database_url: str) -> Iterator[WritePool]:
    with open_write_pool(database_url) as pool:
        yield pool


def test_the_correct_key_passes_the_check_again(pool: WritePool) -> None:
    check_master_key(pool, parse_key_ring(HEX))
    check_master_key(pool, parse_key_ring(BASE64))


@pytest.mark.parametrize(
    ("wrong", "message"), [(OTHER, "not the one"), (f"k2={OTHER}", "does not contain")]
)
def test_a_wrong_key_fails_the_check(pool: WritePool, wrong: str, message: str) -> None:
    check_master_key(pool, parse_key_ring(HEX))
    with pytest.raises(WrongMasterKey, match=message):
        check_master_key(pool, parse_key_ring(wrong))
    check_master_key(pool, parse_key_ring(HEX))


def test_a_newer_key_is_not_used_before_it_is_activated(pool: WritePool) -> None:
    check_master_key(pool, parse_key_ring(HEX))
    ring = parse_key_ring(f"k2={OTHER},k1={HEX}")
    check_master_key(pool, ring)
    assert (ring.newest.id, ring.active.id) == ("k2", "k1")
    check_master_key(pool, parse_key_ring(HEX))


def test_a_check_changes_nothing(pool: WritePool, database_url: str) -> None:
    verify_master_keys(database_url, parse_key_ring(HEX))
    assert execute(pool, "SELECT FROM easeboard.master_keys") == []
    assert execute(pool, "SELECT FROM easeboard.key_canary") == []
    check_master_key(pool, parse_key_ring(HEX))
    verify_master_keys(database_url, parse_key_ring(f"k2={OTHER},k1={HEX}"))
    with pytest.raises(WrongMasterKey, match="not the one"):
        verify_master_keys(database_url, parse_key_ring(OTHER))


def test_a_key_file_is_created_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "master.key"
    first = read_or_create_key(file)
    assert read_or_create_key(file) == first
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]
    assert parse_key_ring(first).ids == ["k1"]
    assert read_or_create_key(tmp_path / "another.key") != first


def test_two_concurrent_processes_use_the_same_key_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "master.key"

    def write_file_first(size: int) -> bytes:
        file.write_text(BASE64)
        return bytes(size)

    monkeypatch.setattr(secrets, "token_bytes", write_file_first)
    assert read_or_create_key(file) == BASE64
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("content", [b"", b"\n", b"short", b"\xff" * 40])
def test_a_key_file_without_a_key_is_named_and_left_alone(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "master.key"
    file.write_bytes(content)
    with pytest.raises(KeyFileUnusable, match=r"master\.key has no key of 32 bytes"):
        read_or_create_key(file)
    assert file.read_bytes() == content


def test_a_key_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyFileUnusable, match=r"cannot be read \(Is a directory\)"):
        read_or_create_key(tmp_path)
    with pytest.raises(KeyFileUnusable, match=r"cannot be created \(No such file or directory\)"):
        read_or_create_key(tmp_path / "missing" / "master.key")
