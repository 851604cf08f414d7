"""The code blocks of docs/operations.md, in order, with the kinds that are known."""

import re
from pathlib import Path
from typing import NamedTuple

RUNBOOK = Path(__file__).parents[2] / "docs" / "operations.md"
FENCE = re.compile(r"^```(.*)$", re.MULTILINE)
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


class CodeBlock(NamedTuple):
    """A fenced block: its language, its text, and the heading above it."""

    kind: str
    text: str
    heading: str


def code_blocks(document: Path = RUNBOOK) -> list[CodeBlock]:
    """Return the blocks of a document; every fence must have a language and be closed."""
    text = document.read_text("utf-8")
    fences = list(FENCE.finditer(text))
    assert len(fences) % 2 == 0, "a code block is not closed"
    return [
        CodeBlock(
            opening[1].strip(),
            text[opening.end() + 1 : closing.start()],
            HEADING.findall(text, 0, opening.start())[-1],
        )
        for opening, closing in zip(fences[::2], fences[1::2], strict=True)
    ]


def blocks_of(kind: str) -> list[CodeBlock]:
    """Return the blocks of one language."""
    return [block for block in code_blocks() if block.kind == kind]
