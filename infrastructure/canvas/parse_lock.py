"""Parses whether and why Canvas locks an assignment for the student."""

import re
from html.parser import HTMLParser
from typing import Any, NamedTuple

from infrastructure.canvas.json_fields import as_object, parse_text, parse_time

BLANKS = re.compile(r"\s+")
MAX_EXPLANATION_LENGTH = 500
SKIPPED_TAGS = frozenset({"a", "script", "style"})


class Lock(NamedTuple):
    """What Canvas says of a lock; `locked` is None if it says nothing."""

    locked: bool | None
    reason: str | None = None
    """`date`, `module` or `other`; None if it is not locked."""
    explanation: str | None = None
    """Canvas's explanation as text without HTML."""


def parse_lock(row: dict[str, Any]) -> Lock:
    """Parse `locked_for_user`, `lock_info` and `lock_explanation` of an assignment."""
    locked = row.get("locked_for_user")
    if locked is not True:
        return Lock(False if locked is False else None)
    info = as_object(row.get("lock_info"))
    explanation = parse_text(row.get("lock_explanation"))
    return Lock(True, _parse_reason(info), _without_html(explanation) if explanation else None)


def _parse_reason(info: dict[str, Any]) -> str:
    if isinstance(info.get("context_module"), dict):
        return "module"
    has_date = parse_time(info.get("unlock_at")) or parse_time(info.get("lock_at"))
    return "date" if has_date else "other"


class _VisibleText(HTMLParser):
    """Collects the text of HTML, without that of links (to pages of Canvas) and of scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._open_skipped = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self._open_skipped += tag in SKIPPED_TAGS
        if tag in {"br", "p", "div", "li"}:
            self.parts.append(" ")

    def handle_endtag(self, tag: str) -> None:
        self._open_skipped -= tag in SKIPPED_TAGS and self._open_skipped > 0

    def handle_data(self, data: str) -> None:
        if not self._open_skipped:
            self.parts.append(data)


def _without_html(text: str) -> str | None:
    parser = _VisibleText()
    parser.feed(text)
    parser.close()
    plain = BLANKS.sub(" ", "".join(parser.parts)).strip()
    return plain[:MAX_EXPLANATION_LENGTH] or None
