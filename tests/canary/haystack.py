"""Marked secrets, every form they may take, and where one of them shows."""

import base64
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote


def marked(prefix: str = "canary-") -> str:
    """A secret nobody has ever seen."""
    return prefix + secrets.token_hex(24)


def forms(secret: str) -> Iterator[bytes]:
    """A secret as it is, and as it may be written; base64 wherever in a text it begins."""
    raw = secret.encode()
    yield raw
    yield raw.hex().encode()
    yield quote(secret, safe="").encode()
    for shift in range(3):
        whole = base64.b64encode(b"x" * shift + raw)
        # Its ends depend on what stands before and after.
        yield whole[4 if shift else 0 : -4].rstrip(b"=")


@dataclass
class Haystack:
    """Everything the product ever let out, by where it was found."""

    found: dict[str, bytes] = field(default_factory=dict)

    def add(self, where: str, what: bytes | str) -> None:
        """Keep what came out somewhere."""
        told = what.encode() if isinstance(what, str) else what
        self.found[where] = self.found.get(where, b"") + told + b"\n"

    def search(self, hidden: dict[str, str]) -> list[str]:
        """Where which secret shows."""
        return [
            f"{name} in {where}"
            for where, what in self.found.items()
            for name, secret in hidden.items()
            if any(form in what for form in forms(secret))
        ]
