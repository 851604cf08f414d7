"""Random secrets, their encodings, and a search for them in collected output."""

import base64
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote

import psycopg
from psycopg.sql import SQL, Identifier


def random_secret(prefix: str = "canary-") -> str:
    """Create a secret that exists nowhere else."""
    return prefix + secrets.token_hex(24)


def encodings(secret: str) -> Iterator[bytes]:
    """The plain, hex, URL-encoded and base64 forms of a secret.

    Base64 has three forms, because it depends on the position of the secret in the text.
    """
    plain = secret.encode()
    yield plain
    yield plain.hex().encode()
    yield quote(secret, safe="").encode()
    for shift in range(3):
        encoded = base64.b64encode(b"x" * shift + plain)
        # The first and last characters depend on the text before and after the secret.
        yield encoded[4 if shift else 0 : -4].rstrip(b"=")


@dataclass
class CollectedOutput:
    """Everything that the program put out, by source."""

    by_source: dict[str, bytes] = field(default_factory=dict)

    def add(self, source: str, content: bytes | str) -> None:
        """Add output of one source."""
        encoded = content.encode() if isinstance(content, str) else content
        self.by_source[source] = self.by_source.get(source, b"") + encoded + b"\n"

    def search(self, hidden: dict[str, str]) -> list[str]:
        """Find secrets; return texts such as `the master key in log`."""
        return [
            f"{name} in {source}"
            for source, content in self.by_source.items()
            for name, secret in hidden.items()
            if any(encoding in content for encoding in encodings(secret))
        ]


def dump_database(url: str, collected: CollectedOutput) -> None:
    """Collect the rows of every table, in text and in binary format."""
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            """
            SELECT schemaname, tablename
              FROM pg_tables
             WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
             ORDER BY schemaname, tablename
            """
        ).fetchall()
        for schema, table in tables:
            for copy_options in (SQL(""), SQL(" WITH (FORMAT binary)")):
                copy = SQL("COPY {} TO STDOUT{}").format(Identifier(schema, table), copy_options)
                with connection.cursor().copy(copy) as rows:
                    collected.add(f"table {schema}.{table}", b"".join(bytes(row) for row in rows))
