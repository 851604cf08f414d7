"""Marked secrets, every form they may take, and where one of them shows."""

import base64
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote


def random_secret(prefix: str = "canary-") -> str:
    """A secret nobody has ever seen."""
    return prefix + secrets.token_hex(24)


def encodings(secret: str) -> Iterator[bytes]:
    """A secret as it is, and as it may be written; base64 wherever in a text it begins."""
    plain = secret.encode()
    yield plain
    yield plain.hex().encode()
    yield quote(secret, safe="").encode()
    for shift in range(3):
        encoded = base64.b64encode(b"x" * shift + plain)
        # Its ends depend on what stands before and after.
        yield encoded[4 if shift else 0 : -4].rstrip(b"=")


@dataclass
class CollectedOutput:
    """Everything the product ever let out, by where it was found."""

    by_source: dict[str, bytes] = field(default_factory=dict)

    def add(self, source: str, content: bytes | str) -> None:
        """Keep what came out somewhere."""
        encoded = content.encode() if isinstance(content, str) else content
        self.by_source[source] = self.by_source.get(source, b"") + encoded + b"\n"

    def search(self, hidden: dict[str, str]) -> list[str]:
        """Where which secret shows."""
        return [
            f"{name} in {source}"
            for source, content in self.by_source.items()
            for name, secret in hidden.items()
            if any(encoding in content for encoding in encodings(secret))
        ]
