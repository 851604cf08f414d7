import os
from base64 import b64encode
from pathlib import Path

import pytest

from infrastructure.seals.signatures import (
    ED25519,
    ED25519_COSIGNATURE,
    ML_DSA_44,
    SigningKey,
    new_signing_key,
)
from infrastructure.seals.witness.cosigned_checkpoints import StateUnusable
from infrastructure.seals.witness.witness_files import STATE_SUFFIX, open_witness_files
from infrastructure.seals.witness.witness_keys import (
    MAX_FILE_BYTES,
    WitnessKeyUnusable,
    add_missing_keys,
    read_keys,
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "w.key"


def keys_of(file: Path, *, name: str | None = None, with_ml_dsa: bool = False) -> list[str]:
    with open_witness_files(
        file, default_name="host/w", name=name, with_ml_dsa=with_ml_dsa
    ) as files:
        return [str(key.verifier) for key in files.keys]


def test_keys_are_made_once(file: Path) -> None:
    first = keys_of(file)
    assert first[0].startswith("host/w+")
    assert keys_of(file) == first
    both = keys_of(file, with_ml_dsa=True)
    assert both[:1] == first
    assert len(both) == 2
    assert keys_of(file) == both
    assert file.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in file.parent.iterdir()) == ["w.key", "w.key.sqlite3"]


def test_the_name_is_chosen_once(file: Path) -> None:
    assert keys_of(file, name="w1.example")[0].startswith("w1.example+")
    assert keys_of(file, name="w1.example")
    with pytest.raises(WitnessKeyUnusable, match=r"is named w1\.example: leave out --name"):
        keys_of(file, name="w2.example")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_key_that_others_can_read_is_refused(file: Path, mode: int) -> None:
    keys_of(file)
    file.chmod(mode)
    with pytest.raises(WitnessKeyUnusable, match="chmod 600"):
        keys_of(file)


def line(key: SigningKey) -> str:
    material = bytes([key.kind]) + key.private_bytes()
    return f"PRIVATE+KEY+{key.name}+{key.verifier.key_id.hex()}+{b64encode(material).decode()}\n"


KEY = new_signing_key("w.example", ED25519_COSIGNATURE)
MALFORMED = {
    "nothing": "",
    "a comment": "# x\n",
    "a word": "secret\n",
    "a public key": f"{KEY.verifier}\n",
    "a cut line": line(KEY)[:-9],
    "a changed name": line(KEY).replace("w.example", "v.example"),
    "a changed key": line(KEY).replace("+BA", "+BB").replace("+BD", "+BE")[::1][:-3] + "A=\n",
    "a log key": line(new_signing_key("w.example", ED25519)),
    "two of a kind": line(KEY) + line(new_signing_key("w.example", ED25519_COSIGNATURE)),
    "two names": line(KEY) + line(new_signing_key("v.example", ML_DSA_44)),
    "too much": line(KEY) + "#" * MAX_FILE_BYTES,
}


@pytest.mark.parametrize("what", MALFORMED)
def test_a_malformed_key_file_is_refused_and_kept(file: Path, what: str) -> None:
    file.write_text(MALFORMED[what])
    file.chmod(0o600)
    with pytest.raises(WitnessKeyUnusable, match="is not the key file of a witness"):
        keys_of(file)
    assert file.read_text() == MALFORMED[what]


def test_a_witness_without_its_state_does_not_sign(file: Path) -> None:
    keys_of(file)
    file.with_name(file.name + STATE_SUFFIX).unlink()
    with pytest.raises(StateUnusable, match="must not sign again"):
        keys_of(file)


def test_a_state_belongs_to_one_key(file: Path) -> None:
    keys_of(file)
    file.unlink()
    with pytest.raises(StateUnusable, match="is the state of the witness host/w"):
        keys_of(file)


def test_a_state_that_is_no_database_is_refused(file: Path) -> None:
    keys_of(file)
    file.with_name(file.name + STATE_SUFFIX).write_text("x" * 4096)
    with pytest.raises(StateUnusable, match="cannot be used"):
        keys_of(file)


def test_two_processes_that_start_at_once_have_one_key(file: Path) -> None:
    first = add_missing_keys(file, [], "w.example", [ED25519_COSIGNATURE])
    second = add_missing_keys(file, [], "w.example", [ED25519_COSIGNATURE])
    assert [str(key.verifier) for key in second] == [str(key.verifier) for key in first]
    assert [str(key.verifier) for key in read_keys(file)] == [str(key.verifier) for key in first]


def test_a_device_is_no_key() -> None:
    with pytest.raises(WitnessKeyUnusable, match="no regular file"):
        read_keys(Path(os.devnull))
