from pathlib import Path

import pytest

from infrastructure.seals.signatures import ED25519_COSIGNATURE, new_signing_key
from infrastructure.seals.witness_client.witness_policy import (
    WitnessPolicyUnusable,
    read_witness_policy,
)

KEY = new_signing_key("w.example", ED25519_COSIGNATURE).verifier


@pytest.mark.parametrize(
    "url",
    ["", "http://127.0.0.1:8090", "https://w.example/a/b/", "http://[::1]:80", "https://ü.de"],
)
def test_addresses_of_http_are_taken(tmp_path: Path, url: str) -> None:
    file = tmp_path / "policy"
    file.write_text(f"witness w {KEY} {url}\nquorum w\n")
    assert read_witness_policy(file).witnesses[0].url == (url or None)


@pytest.mark.parametrize(
    "url",
    [
        "w.example",
        "ftp://w.example",
        "http://",
        "http://u:p@w.example",
        "https://w.example/?q",
        "https://w.example/?q=1",
        "https://w.example/#part",
        "https://w.example:99999/",
        "file:///etc/passwd",
    ],
)
def test_other_addresses_are_refused(tmp_path: Path, url: str) -> None:
    file = tmp_path / "policy"
    file.write_text(f"witness w {KEY} {url}\nquorum w\n")
    with pytest.raises(WitnessPolicyUnusable, match=r"SEAL_WITNESSES: .*URL of the witness"):
        read_witness_policy(file)


def test_an_error_names_the_file_and_the_line(tmp_path: Path) -> None:
    file = tmp_path / "policy"
    file.write_text("\nquorum w\n")
    with pytest.raises(WitnessPolicyUnusable, match=r"SEAL_WITNESSES: .*/policy: line 2: no line"):
        read_witness_policy(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WitnessPolicyUnusable, match=r"/missing cannot be read \(No such file"):
        read_witness_policy(tmp_path / "missing")
