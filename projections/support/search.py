"""Finding a name by a part of it, whatever the case."""


def folded(name: str | None) -> str:
    """A name as it is searched and sorted by; empty where there is none."""
    return "" if name is None else name.replace("\0", "").casefold()


def sort_key(name: str | None) -> str:
    """As much of a folded name as fits into an index."""
    return folded(name)[:200]


def containing(part: str | None) -> str | None:
    """The LIKE pattern of every folded name with this part; None asks for nothing."""
    if part is None:
        return None
    literal = folded(part).replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    return f"%{literal}%"
