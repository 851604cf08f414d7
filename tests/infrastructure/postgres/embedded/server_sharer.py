"""A process that uses the embedded server until its standard input ends: python -m … HOME."""

import sys
from pathlib import Path

from infrastructure.postgres.embedded.embedded_postgres import EmbeddedPostgres

if __name__ == "__main__":
    with EmbeddedPostgres(Path(sys.argv[1])) as server:
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        sys.stdin.read()
