"""Finds what is in `.env` and not read as a setting: lines that cannot be parsed."""

import logging
from collections.abc import Iterator
from pathlib import Path

from dotenv.parser import Binding, parse_stream

ENV_FILE = Path(".env")
# Its warning names no file; ours are those of `ignored_lines`.
logging.getLogger("dotenv.main").setLevel(logging.ERROR)


def ignored_lines() -> list[str]:
    """Return a sentence for each line of `.env` that cannot be parsed, without its content."""
    return [
        f"{ENV_FILE.absolute()}, line {binding.original.line} is no line like NAME=value, so it "
        "sets nothing: look for a quotation mark that is not closed"
        for binding in parse_env_file()
        if binding.error
    ]


def parse_env_file() -> Iterator[Binding]:
    """Yield what `.env` has; nothing if there is no such file that can be read."""
    try:
        with ENV_FILE.open(encoding="utf-8") as stream:
            yield from parse_stream(stream)
    except (OSError, UnicodeDecodeError):
        return
