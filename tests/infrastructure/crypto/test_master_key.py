"""Which master keys are accepted, what is derived from them, and when a wrong one is noticed."""

import base64
import logging
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from infrastructure.crypto.key_check import WrongMasterKey, check_canary
from infrastructure.crypto.key_file import stored_key
from infrastructure.crypto.master_key import PLACEHOLDER, BadMasterKey, key_ring
from infrastructure.postgres.execute import Pool
from infrastructure.postgres.pools import writes

SECRET = bytes(range(32))
HEX = "hex:" + SECRET.hex()
BASE64 = "base64:" + base64.b64encode(SECRET).decode()
OTHER = "hex:" + SECRET[::-1].hex()
PLAIN = "correct horse battery staple 123"


def same(first: str, second: str) -> bool:
    return key_ring(first).newest.derive("test") == key_ring(second).newest.derive("test")


def test_three_ways_to_write_one_key() -> None:
    assert same(HEX, BASE64)
    assert same(HEX.replace("a", "A").replace("b", "B"), HEX)
    assert same(PLAIN, "hex:" + PLAIN.encode().hex())


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
    assert key_ring(value).ids == ["k1"]
    assert same(value, "hex:" + value.encode().hex())


def test_several_keys_newest_first() -> None:
    ring = key_ring(f"k2={OTHER}, k1={HEX}")
    assert (ring.newest.id, ring.ids) == ("k2", ["k2", "k1"])
    assert ring.by_id("k1").derive("test") == key_ring(HEX).newest.derive("test")
    assert key_ring(f"new={BASE64},{OTHER}").ids == ["new", "k1"]
    with pytest.raises(KeyError):
        ring.by_id("k3")


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("", "exactly 32 bytes, this one has 0"),
        ("x" * 16, "has 16"),
        ("abcdefgh" * 3, "has 24"),
        (PLAIN[:31], "has 31"),
        (PLAIN + "4", "has 33"),
        ("é" * 32, "has 64"),
        ("a" * 32, "same"),
        ("hex:" + "00" * 32, "same"),
        ("hex:" + "0g" * 32, "not hex"),
        ("hex:" + "01" * 31, "has 31"),
        ("base64:????", "not base64"),
        ("base64:" + base64.b64encode(SECRET[:24]).decode(), "has 24"),
        (base64.b64encode(SECRET).decode(), "write `base64:` in front"),
        (SECRET.hex(), "write `hex:` in front"),
        (PLACEHOLDER, "placeholder"),
        (f"k1={PLACEHOLDER}", "placeholder"),
        (f"{HEX},{OTHER}", "share an id"),
        (f"k1={HEX},k1={OTHER}", "share an id"),
    ],
)
def test_what_is_no_key_is_refused_with_what_to_change(value: str, hint: str) -> None:
    with pytest.raises(BadMasterKey, match=hint) as refused:
        key_ring(value)
    assert len(value) < 16 or value not in str(refused.value)


def test_a_made_up_key_is_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    key_ring("aaaaaaaabbbbbbbbaaaaaaaabbbbbbbb")
    assert "made up" in caplog.text
    assert "aaaabbbb" not in caplog.text
    caplog.clear()
    key_ring("q8Zf-3kLw!xT0vB7nR2mYc5JdG9hSe4U")
    key_ring(HEX)
    assert caplog.text == ""


def test_a_key_for_every_purpose() -> None:
    key = key_ring(HEX).newest
    known = "cdac075405de95fb7dd48611b45ac046ab2c626e1f622b10b4698c17d4528d6c"
    assert key.derive("one").hex() == known
    assert key.derive("one") != key.derive("two") != SECRET


def test_a_key_does_not_print_itself() -> None:
    key = key_ring(HEX).newest
    assert repr(key) == "MasterKey('k1')"


@pytest.fixture
def pool(database_url: str) -> Iterator[Pool]:
    with writes(database_url) as pool:
        yield pool


def test_the_right_key_starts_again(pool: Pool) -> None:
    check_canary(pool, key_ring(HEX))
    check_canary(pool, key_ring(BASE64))


@pytest.mark.parametrize(
    ("wrong", "says"), [(OTHER, "not the one"), (f"k2={OTHER}", "does not hold")]
)
def test_a_wrong_key_stops_the_start(pool: Pool, wrong: str, says: str) -> None:
    check_canary(pool, key_ring(HEX))
    with pytest.raises(WrongMasterKey, match=says):
        check_canary(pool, key_ring(wrong))
    check_canary(pool, key_ring(HEX))


def test_a_newer_key_joins_the_older(pool: Pool) -> None:
    check_canary(pool, key_ring(HEX))
    check_canary(pool, key_ring(f"k2={OTHER},k1={HEX}"))
    with pytest.raises(WrongMasterKey, match="k2"):
        check_canary(pool, key_ring(HEX))


def test_a_key_is_drawn_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "master.key"
    first = stored_key(file)
    assert stored_key(file) == first
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]
    assert key_ring(first).ids == ["k1"]
    assert stored_key(tmp_path / "another.key") != first


def test_of_two_processes_the_first_draws_for_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "master.key"

    def draw_too_late(size: int) -> bytes:
        file.write_text(BASE64)
        return bytes(size)

    monkeypatch.setattr(secrets, "token_bytes", draw_too_late)
    assert stored_key(file) == BASE64
    assert list(tmp_path.iterdir()) == [file]
