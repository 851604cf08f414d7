"""Rewrites the events of a release in the newest stored form, as the present program appends."""

import os
from typing import Any

import psycopg

from infrastructure.crypto.master_key import parse_key_ring
from infrastructure.crypto.person_keys import PersonKeys
from infrastructure.event_store.encryption import (
    RANDOM_BYTES,
    commitment_of,
    decrypt,
    encrypt_committed,
    is_encrypted,
)
from infrastructure.postgres.pools import open_write_pool
from tests.replay.release_files import Release

SELECT_STATES = "SELECT position, stream, version, topic, person_id, state FROM easeboard.events"
DISABLE_TRIGGER = "ALTER TABLE easeboard.events DISABLE TRIGGER events_are_history"
ENABLE_TRIGGER = "ALTER TABLE easeboard.events ENABLE TRIGGER events_are_history"
UPDATE_STATE = "UPDATE easeboard.events SET state = %s WHERE position = %s"


def commit_all_events(url: str, release: Release) -> int:
    """Give every encrypted event that can be read a commitment; return how many there are."""
    with open_write_pool(url) as pool, psycopg.connect(url) as connection:
        keys = PersonKeys(pool, parse_key_ring(release.master_key))
        rows = connection.execute(SELECT_STATES, binary=True).fetchall()
        ciphers = keys.decryption_keys({row[4] for row in rows})
        states = [
            (_committed(row, cipher), row[0])
            for row in rows
            if is_encrypted(row[5]) and (cipher := ciphers[row[4]])
        ]
        connection.execute(DISABLE_TRIGGER)
        connection.cursor().executemany(UPDATE_STATE, states)
        connection.execute(ENABLE_TRIGGER)
    assert all(commitment_of(state) for state, _ in states)
    return len(states)


def _committed(row: tuple[Any, ...], cipher: Any) -> bytes:
    _, stream, version, topic, _, state = row
    place = stream.bytes + version.to_bytes(8) + topic.encode()
    return encrypt_committed(decrypt(state, cipher, place), cipher, os.urandom(RANDOM_BYTES), place)
