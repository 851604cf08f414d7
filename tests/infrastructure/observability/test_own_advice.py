"""The redaction leaves our own messages whole, whatever keys and addresses are configured."""

import ast
from collections.abc import Iterator
from pathlib import Path

from infrastructure.observability.redaction import redact_text
from infrastructure.settings.settings import read_settings

ROOT = Path(__file__).parents[3]
PACKAGES = ("application", "domain", "infrastructure", "interfaces", "projections")
KEY = "hex:" + "0123456789abcdef" * 4
PLAIN = "kZ81,mQx2rT7=vLp9wNs4yBc6dFh3jGa"
VALUES = [
    {"canvas_encryption_key": KEY},
    {"canvas_encryption_key": f"k1={KEY},k1={KEY}"},
    {"canvas_encryption_key": f"k2={KEY}, k1={KEY}"},
    {"canvas_encryption_key": f"k2=base64:{'A' * 43}=,k1={'q8Zt' * 8}"},
    {"canvas_encryption_key": PLAIN},
    {"database_url": "postgresql://easeboard:kZ81mQx2@db.example:5432/easeboard"},
    {"redis_url": "redis://:kZ81mQx2@redis:6379/0"},
]


NO_SENTENCES = ("Bearer ", "-H ", "\n")
"""How headers, commands and patterns begin, which may look like secrets."""


def messages() -> Iterator[tuple[str, str]]:
    """Every text of our code with a space that is no docstring, and where it is."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            tree = ast.parse(path.read_text())
            docstrings = {
                id(node.value)
                for node in ast.walk(tree)
                if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            }
            for node in ast.walk(tree):
                text = _text_of(node)
                is_sentence = text and " " in text.strip() and not text.startswith(NO_SENTENCES)
                if text and is_sentence and id(node) not in docstrings:
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", text  # type: ignore[attr-defined]


def _text_of(node: ast.AST) -> str | None:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(_text_of(each) or "3" for each in values)
        case _:
            return None


def test_no_message_is_damaged() -> None:
    for values in VALUES:
        read_settings(_env_file=None, **values)
    texts = dict(messages())
    assert any("k1=<key>" in text for text in texts.values())
    damaged = {place: text for place, text in texts.items() if redact_text(text) != text}
    assert damaged == {}


def test_the_ids_of_keys_are_public_and_the_keys_are_not() -> None:
    read_settings(_env_file=None, canvas_encryption_key=f"k2={KEY},k1={'q8Zt' * 8}")
    for secret in (KEY, KEY.removeprefix("hex:"), "q8Zt" * 8, f"k1={'q8Zt' * 8}"):
        assert redact_text(f"x {secret} y") in {"x [redacted] y", "x hex:[redacted] y"}


def test_a_key_that_looks_like_a_list_has_no_public_part() -> None:
    read_settings(_env_file=None, canvas_encryption_key=PLAIN)
    assert redact_text("mQx2rT7=") == "[redacted]"
