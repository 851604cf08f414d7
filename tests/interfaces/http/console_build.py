"""A small build of a console, for tests that need files but not the real ones."""

from pathlib import Path
from uuid import UUID

from tests.dev_tokens import token_of

SCRIPT_NAME, STYLE_NAME = "app-T3STT3ST.js", "style-T3STT3ST.css"
SCRIPT = "document.title = 'easeboard';\n" * 100
PAGE = f"""\
<!doctype html>
<html lang="en">
<head><title>easeboard</title><link rel="stylesheet" href="/console/{STYLE_NAME}"></head>
<body><script type="module" src="/console/{SCRIPT_NAME}"></script></body>
</html>
"""
FILES = {
    "index.html": PAGE,
    SCRIPT_NAME: SCRIPT,
    STYLE_NAME: "body { margin: 0; }\n" * 100,
    "favicon.svg": '<svg xmlns="http://www.w3.org/2000/svg"/>',
    "notes.unknown": "a file of no known type is not served",
}


def write_console_build(folder: Path) -> Path:
    """Write the files, and a folder that is not served; return the folder of the build."""
    for name, text in FILES.items():
        (folder / name).write_text(text)
    (folder / "inner.js").mkdir()
    return folder


def sign_test_token(user_id: UUID, role: str, ttl_seconds: int, now: int | None = None) -> str:
    """Return a token that the application of the tests accepts."""
    claims = {} if now is None else {"iat": now, "exp": now + ttl_seconds}
    return token_of(user_id, role, ttl=ttl_seconds, **claims)
