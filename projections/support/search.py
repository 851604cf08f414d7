"""Finding a name by a part of it, whatever the case."""


def fold_case(name: str | None) -> str:
    """A name as it is searched and sorted by; empty where there is none."""
    return "" if name is None else name.replace("\0", "").casefold()


def name_sort_key(name: str | None) -> str:
    """As much of a folded name as fits into an index."""
    return fold_case(name)[:200]


def like_pattern(part: str | None) -> str | None:
    """The LIKE pattern of every folded name with this part; None asks for nothing."""
    if part is None:
        return None
    escaped = fold_case(part).replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    return f"%{escaped}%"
