"""Reads a policy file (C2SP tlog-policy) by every rule of the specification."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from infrastructure.seals.signatures import (
    ED25519,
    ED25519_COSIGNATURE,
    ML_DSA_44,
    KeyMalformed,
    VerifierKey,
    parse_vkey,
)
from infrastructure.seals.trust_policy import (
    NO_QUORUM,
    PolicyGroup,
    PolicyLog,
    PolicyWitness,
    TrustPolicy,
)

MAX_POLICY_BYTES = 1_000_000
MAX_LINES_OF_A_KIND = 256
"""How many logs, witnesses and groups each a policy may have; the specification requires 32."""

LOG_KINDS = (ED25519, ML_DSA_44)
WITNESS_KINDS = (ED25519_COSIGNATURE, ML_DSA_44)

_Key = TypeVar("_Key", str, bytes)
_FORBIDDEN = re.compile(rb"[^\t\n\x20-\x7e\x80-\xff]")
_BLANKS = re.compile(r"[ \t]+")
_NUMBER = re.compile(r"[0-9]{1,9}")
_FORMS = {
    "log": "log <vkey> [<url>]",
    "witness": "witness <name> <vkey> [<url>]",
    "group": "group <name> all|any|<number> <name>...",
    "quorum": "quorum <name>",
}


class PolicyMalformed(ValueError):
    """A file is no policy; the message has the number of the line."""


def parse_policy(data: bytes) -> TrustPolicy:
    """Return the policy of a file.

    Names are opaque bytes; those that are no UTF-8 are kept as lone surrogates.

    Raises: PolicyMalformed.
    """
    if len(data) > MAX_POLICY_BYTES:
        raise PolicyMalformed(f"a policy has at most {MAX_POLICY_BYTES:,} bytes")
    _require_character_set(data)
    reader = _PolicyReader()
    for number, line in enumerate(data.split(b"\n"), start=1):
        text = line.decode("utf-8", "surrogateescape").strip(" \t")
        if text and not text.startswith("#"):
            reader.read(number, _BLANKS.split(text))
    return reader.policy()


class _PolicyReader:
    """What the lines so far have defined."""

    def __init__(self) -> None:
        self._logs: list[PolicyLog] = []
        self._witnesses: list[PolicyWitness] = []
        self._groups: list[PolicyGroup] = []
        self._quorum: str | None = None
        self._defined: dict[str, int] = {}
        self._members: dict[str, int] = {}
        self._log_keys: dict[bytes, int] = {}
        self._witness_keys: dict[bytes, int] = {}
        self._readers: Mapping[str, Callable[[int, list[str]], None]] = {
            "log": self._read_log,
            "witness": self._read_witness,
            "group": self._read_group,
            "quorum": self._read_quorum,
        }

    def read(self, number: int, items: list[str]) -> None:
        """Take one line over; raises PolicyMalformed."""
        keyword, *rest = items
        read = self._readers.get(keyword)
        if read is None:
            raise _malformed(
                number, f"`{_shown(keyword)}` is not one of log, witness, group and quorum"
            )
        read(number, rest)

    def policy(self) -> TrustPolicy:
        """Return the policy; raises PolicyMalformed if no line defines the quorum."""
        if self._quorum is None:
            raise PolicyMalformed(
                "the policy has no quorum line; `quorum none` asks for no witness"
            )
        return TrustPolicy(
            tuple(self._logs), tuple(self._witnesses), tuple(self._groups), self._quorum
        )

    def _read_log(self, number: int, items: list[str]) -> None:
        if len(items) not in {1, 2}:
            raise _wrong_form(number, "log")
        _require_few(number, "logs", self._logs)
        key = _key(number, items[0], LOG_KINDS, "a log signs with Ed25519 (1) or ML-DSA-44 (6)")
        _define_once(number, self._log_keys, key.public_bytes, "this key is of a log")
        self._logs.append(PolicyLog(key, *items[1:]))

    def _read_witness(self, number: int, items: list[str]) -> None:
        if len(items) not in {2, 3}:
            raise _wrong_form(number, "witness")
        _require_few(number, "witnesses", self._witnesses)
        hint = "a witness signs with Ed25519 cosignatures (4) or ML-DSA-44 (6)"
        key = _key(number, items[1], WITNESS_KINDS, hint)
        _define_once(number, self._witness_keys, key.public_bytes, "this key is of a witness")
        self._define(number, items[0])
        self._witnesses.append(PolicyWitness(items[0], key, *items[2:]))

    def _read_group(self, number: int, items: list[str]) -> None:
        if len(items) < len(("name", "threshold", "member")):
            raise _wrong_form(number, "group")
        _require_few(number, "groups", self._groups)
        name, threshold, *members = items
        for member in members:
            self._require_defined(number, member)
            _define_once(number, self._members, member, f"`{_shown(member)}` is a member")
        self._define(number, name)
        count = _threshold(number, threshold, len(members))
        self._groups.append(PolicyGroup(name, count, tuple(members)))

    def _read_quorum(self, number: int, items: list[str]) -> None:
        if len(items) != 1:
            raise _wrong_form(number, "quorum")
        if self._quorum is not None:
            raise _malformed(number, "a policy has one quorum line; this is a second one")
        if items[0] != NO_QUORUM:
            self._require_defined(number, items[0])
        self._quorum = items[0]

    def _define(self, number: int, name: str) -> None:
        if name == NO_QUORUM:
            raise _malformed(number, "the name `none` has a meaning of its own; choose another")
        _define_once(number, self._defined, name, f"the name `{_shown(name)}` is defined")

    def _require_defined(self, number: int, name: str) -> None:
        if name not in self._defined:
            raise _malformed(
                number, f"no line before this one defines a witness or group `{_shown(name)}`"
            )


def _require_character_set(data: bytes) -> None:
    found = _FORBIDDEN.search(data)
    if found is None:
        return
    number = data.count(b"\n", 0, found.start()) + 1
    code = found.group()[0]
    hint = ": save the file with Unix line ends" if code == ord("\r") else ""
    raise _malformed(number, f"the control character 0x{code:02x} is not allowed{hint}")


def _key(number: int, text: str, kinds: tuple[int, ...], hint: str) -> VerifierKey:
    try:
        text.encode()
        key = parse_vkey(text)
    except UnicodeEncodeError:
        raise _malformed(number, "the name of a verifier key is UTF-8") from None
    except KeyMalformed as error:
        raise _malformed(number, str(error)) from error
    if key.kind not in kinds:
        raise _malformed(number, f"the key has the signature type {key.kind}; {hint}")
    return key


def _threshold(number: int, text: str, members: int) -> int:
    if text in {"all", "any"}:
        return members if text == "all" else 1
    if not _NUMBER.fullmatch(text):
        raise _malformed(
            number, f"`{_shown(text)}` stands where `all`, `any` or a decimal number is expected"
        )
    if not 1 <= int(text) <= members:
        raise _malformed(
            number, f"the group has {members} members; the number is from 1 to {members}"
        )
    return int(text)


def _define_once(number: int, lines: dict[_Key, int], key: _Key, what: str) -> None:
    if key in lines:
        raise _malformed(number, f"{what} already, on line {lines[key]}")
    lines[key] = number


def _require_few(number: int, what: str, defined: Sequence[object]) -> None:
    if len(defined) >= MAX_LINES_OF_A_KIND:
        raise _malformed(number, f"a policy has at most {MAX_LINES_OF_A_KIND} {what}")


def _wrong_form(number: int, keyword: str) -> PolicyMalformed:
    return _malformed(number, f"the form is `{_FORMS[keyword]}`")


def _malformed(number: int, message: str) -> PolicyMalformed:
    return PolicyMalformed(f"line {number}: {message}")


def _shown(name: str) -> str:
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")[:100]
