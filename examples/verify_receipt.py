"""Checks an easeboard grade receipt offline, without easeboard: one file, one library.

    pip install cryptography
    python verify_receipt.py receipt.json [VKEY_OR_FILE ...]

A VKEY_OR_FILE is the verifier key of a log or of a witness, or a file with one in each line. Get it
from the school: without one, the result shows only that the file agrees with itself.
Exit code: 0 valid, 1 not valid. docs/receipts.md has the format.
"""

import base64
import json
import struct
import sys
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from uuid import UUID, uuid5

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

FORMAT = "easeboard.com/grade-receipt/v1"
STATEMENT = "The event history of this log had this grade when the checkpoint was signed."


def require(condition, reason):
    if not condition:
        raise ValueError(reason)


def unbase64(text):
    data = base64.b64decode(text, validate=True)
    require(base64.b64encode(data).decode() == text, "base64 is not in its exact form")
    return data


def parse_vkey(text):
    """Return (name, key id, type, public key) of `name+key id+base64(type, public key)`."""
    name, key_id, material = text.split("+", 2)
    data = unbase64(material)
    expected = sha256(name.encode() + b"\n" + data).digest()[:4]
    require(expected.hex() == key_id, "a verifier key was changed")
    return name, expected, data[0], data[1:]


def check_signature(key, text, signature):
    """Check a signature of a checkpoint; return its time in seconds since 1970, if it has one."""
    name, _, kind, public = key
    if kind == 1:  # Ed25519 of a log
        return Ed25519PublicKey.from_public_bytes(public).verify(signature, text.encode())
    time, signature = int.from_bytes(signature[:8], "big"), signature[8:]
    if kind == 4:  # Ed25519 of a witness
        signed = f"cosignature/v1\ntime {time}\n{text}".encode()
        Ed25519PublicKey.from_public_bytes(public).verify(signature, signed)
        return time
    require(kind == 6, "a key has an unknown type")  # ML-DSA-44 of a log or of a witness
    origin, size, root = text.split("\n")[:3]
    signed = b"subtree/v1\n\0" + bytes([len(name.encode())]) + name.encode()
    signed += time.to_bytes(8, "big") + bytes([len(origin.encode())]) + origin.encode()
    signed += bytes(8) + int(size).to_bytes(8, "big") + unbase64(root)
    MLDSA44PublicKey.from_public_bytes(public).verify(signature, signed)
    return time


def root_of(index, size, leaf, path):
    """Return the root of a Merkle tree to which the siblings of a leaf lead (RFC 6962)."""
    if size <= 1:
        require(size == 1 and index == 0 and not path, "the proof has another length")
        return leaf
    middle = 1 << ((size - 1).bit_length() - 1)
    if index < middle:
        return sha256(b"\1" + root_of(index, middle, leaf, path[:-1]) + path[-1]).digest()
    below = root_of(index - middle, size - middle, leaf, path[:-1])
    return sha256(b"\1" + path[-1] + below).digest()


def check_grade(receipt, entry):
    """Check that opening, stored state and entry belong together; return the grade they show."""
    state, salt = unbase64(receipt["state"]), unbase64(receipt["opening"]["salt"])
    text, url = receipt["opening"]["plaintext"], receipt["grade"]["canvas_url"]
    head, _, _, _, event, time, _, person = struct.unpack_from(">23sQ16sQ16sq16s16s", entry)
    parts, rest = [], entry[111:]
    for _ in range(4):  # causation id, topic, actor and correlation id, each after its length
        length = int.from_bytes(rest[:2], "big")
        end = 2 + {0xFFFF: 0, 0xFFFE: 32}.get(length, length)
        parts, rest = [*parts, rest[2:end]], rest[end:]
    require(head + parts[1] == b"easeboard.com/event/v1\nGradeChanged", "it is no changed grade")
    require(rest == sha256(state).digest(), "the stored state is not the one of the entry")
    require(state[0] in {6, 7} and len(salt) == 16, "the stored state has no commitment")
    require(sha256(salt + text.encode()).digest() == state[1:33], "salt or content is another one")
    payload, person = json.loads(text), UUID(bytes=person)
    connection = uuid5(person, f"connection/{url}/{json.dumps(receipt['connection_number'])}")
    require(connection == UUID(payload["connection_id"]), "the Canvas address is another one")
    recorded = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time)
    payload |= {"recorded_at": recorded.isoformat().replace("+00:00", "Z"), "canvas_url": url}
    return payload | {"person_id": str(person), "event_id": str(UUID(bytes=event))}


def check(receipt, given):
    """Check a receipt with given keys; return its log and a line about each signature."""
    entry = unbase64(receipt["entry"])
    expected = {name: receipt[name] for name in ("connection_number", "entry", "proof", "state")}
    expected |= {"format": FORMAT, "statement": STATEMENT, "grade": check_grade(receipt, entry)}
    expected["opening"] = {name: receipt["opening"][name] for name in ("plaintext", "salt")}
    expected["vkeys"] = list(receipt["vkeys"])
    one, other = (json.dumps(each, sort_keys=True) for each in (receipt, expected))
    require(one == other, "format, statement, grade or another member is wrong")
    head, _, note = receipt["proof"].partition("\n\n")
    text, _, lines = note.rpartition("\n\n")
    (version, index, *path), (origin, size, root) = head.split("\n"), text.split("\n")[:3]
    number = int(index.removeprefix("index "))
    form = [version, index, lines[-1:]]
    require(form == ["c2sp.org/tlog-proof@v1", f"index {number}", "\n"], "the proof is malformed")
    found = root_of(number, int(size), sha256(b"\0" + entry).digest(), [*map(unbase64, path)])
    require(found == unbase64(root), "the proof leads to another root")
    own, times = [*map(parse_vkey, receipt["vkeys"])], {}
    known = {key[:2]: key for key in [*own, *given]}
    for line in lines[:-1].split("\n"):
        dash, name, signature = line.split(" ")
        key = known.get((name, unbase64(signature)[:4]))
        require(dash == "\u2014" and key, f"the key of the signature of {name} is unknown")
        times[key] = check_signature(key, text + "\n", unbase64(signature)[4:])
    of_log = {key for key in times if key[0] == origin and key[2] != 4}
    require(of_log & {*(given or own)}, "the log has not signed with any of the given keys")
    require(len({*own}) == len(own) and {*own} <= {*times}, "a key in the receipt has not signed")
    return origin, [(key[0], time, key in given) for key, time in times.items()]


def main(file, *arguments):
    try:
        texts = [each if "+" in each else Path(each).read_text("utf-8") for each in arguments]
        given = [parse_vkey(vkey) for vkey in " ".join(texts).split()]
        require(Path(file).stat().st_size <= 1_000_000, "a receipt has at most 1,000,000 bytes")
        # A member that occurs twice makes its object None: readers may see different values.
        once = lambda pairs: dict(pairs) if len(dict(pairs)) == len(pairs) else None
        receipt = json.loads(Path(file).read_text("utf-8"), object_pairs_hook=once)
        origin, signatures = check(receipt, given)
    except Exception as error:  # noqa: BLE001  # whatever is wrong, the receipt is not valid
        sys.exit(f"NOT VALID: {error!a}")
    print(f"VALID: {json.dumps(receipt['grade'], indent=2)}\nin the history of {origin!a}, signed:")
    for name, time, is_given in signatures:
        date = datetime.fromtimestamp(time, UTC).isoformat() if time else "without a time"
        print(f"- {name!a}, {date}, key {'given' if is_given else 'from the receipt'}")
    if not given:
        print("WARNING: no key was given, so anybody can have made this file.")


if __name__ == "__main__":
    main(*sys.argv[1:])
