r"""Makes characters visible that a terminal acts on or does not draw, such as `\u202e`.

A name from Canvas is shown with the letters of every script, but it can neither move the cursor nor
reverse, hide or forge the text beside it.
"""

import re
from unicodedata import category

DRAWN_FORMAT_CHARACTERS = frozenset(
    "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
)
"""Format characters that fonts draw: signs around numbers (Prepended_Concatenation_Mark)."""
BLANK_LETTERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")
"""Letters and marks without a shape: fillers (Default_Ignorable_Code_Point)."""
JOINERS = frozenset("\u200c\u200d")
"""They change the shape of words in Persian, in the scripts of India, and of emoji."""
ESCAPED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
MAX_BMP = 0xFFFF
CANDIDATE = re.compile(r"[^\x20-\x7e\u00a1-\u00ac\u00ae-\u033f]")
"""Every character outside of Latin: the only ones that need a look at the Unicode tables."""


def visible_text(text: str) -> str:
    """Return the text with every control and invisible character as an escape, also newlines."""
    return CANDIDATE.sub(_escape_candidate, text)


def visible_lines(text: str) -> str:
    """Return a text of several lines with the same escapes; its newlines are kept."""
    return "\n".join(visible_text(line) for line in text.split("\n"))


def visible_json(document: str) -> str:
    """Return a JSON document, without newlines between its values, with the escapes of JSON."""
    return CANDIDATE.sub(
        lambda match: _json_escape(match[0]) if _is_escaped(match) else match[0], document
    )


def _escape_candidate(match: re.Match[str]) -> str:
    character = match[0]
    if not _is_escaped(match):
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code <= MAX_BMP else f"\\U{code:08x}"


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[index : index + 4]}" for index in range(0, len(units), 4))


def _is_escaped(match: re.Match[str]) -> bool:
    character = match[0]
    if character in JOINERS:
        return not _joins(match.string, match.start())
    if character in BLANK_LETTERS:
        return True
    return category(character) in ESCAPED_CATEGORIES and character not in DRAWN_FORMAT_CHARACTERS


def _joins(text: str, index: int) -> bool:
    """Whether a joiner is inside a word of a script that is not Latin, or inside an emoji."""
    return 0 < index < len(text) - 1 and all(
        map(_can_be_joined, (text[index - 1], text[index + 1]))
    )


def _can_be_joined(character: str) -> bool:
    if character < "\u0340" or character in BLANK_LETTERS:
        return False
    kind = category(character)
    return kind[0] in {"L", "M"} or kind in {"So", "Sk"}
