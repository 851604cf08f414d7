"""Opens the two files of a witness, its keys and its state, which belong together."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from infrastructure.seals.signatures import ED25519_COSIGNATURE, ML_DSA_44, SigningKey
from infrastructure.seals.witness.cosigned_checkpoints import CosignedCheckpoints, StateUnusable
from infrastructure.seals.witness.witness_keys import (
    WitnessKeyUnusable,
    add_missing_keys,
    read_keys,
)

STATE_SUFFIX = ".sqlite3"


class WitnessFiles(NamedTuple):
    """The keys with which a witness signs, and what it has cosigned."""

    keys: Sequence[SigningKey]
    state: CosignedCheckpoints

    @property
    def name(self) -> str:
        """The name of the witness in its signatures."""
        return self.keys[0].name


@contextmanager
def open_witness_files(
    key_file: Path, *, default_name: str, name: str | None = None, with_ml_dsa: bool = False
) -> Iterator[WitnessFiles]:
    """Open the files of a witness during the block; the first time, make a key and an empty state.

    `name` is for a new witness, and must be the one of an existing witness.

    Raises: WitnessKeyUnusable; StateUnusable.
    """
    state_file = key_file.with_name(key_file.name + STATE_SUFFIX)
    keys = read_keys(key_file)
    if keys and name is not None and name != keys[0].name:
        raise WitnessKeyUnusable(
            f"the witness of {key_file} is named {keys[0].name}: leave out --name, or start "
            "another witness with another --key."
        )
    if keys and not state_file.exists():
        raise StateUnusable(
            f"{state_file} is missing. Without it this witness cannot know what it has signed, and "
            f"must not sign again: start a new one with another --key, and publish its key."
        )
    state = CosignedCheckpoints(state_file)
    try:
        kinds = (ED25519_COSIGNATURE, ML_DSA_44) if with_ml_dsa else (ED25519_COSIGNATURE,)
        own_name = keys[0].name if keys else name or default_name
        keys = add_missing_keys(key_file, keys, own_name, kinds)
        first = next(key for key in keys if key.kind == ED25519_COSIGNATURE)
        state.bind(str(first.verifier))
        yield WitnessFiles(keys, state)
    finally:
        state.close()
