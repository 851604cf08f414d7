"""Search for a part of a name without regard to case, and sort keys of names."""


def fold_case(name: str | None) -> str:
    """Return a name without case and NUL characters, for search and order; "" for None."""
    return "" if name is None else name.replace("\0", "").casefold()


def name_sort_key(name: str | None) -> str:
    """Return the first 200 characters of a name without case, as the sort key of a row.

    An entry of a PostgreSQL B-tree index has at most about 2,700 bytes.
    """
    return fold_case(name)[:200]


def like_pattern(part: str | None) -> str | None:
    """Return the LIKE pattern for the result of `fold_case` that contains a part of a name.

    Wildcards in `part` are literal. None means that there is no condition.
    """
    if part is None:
        return None
    escaped = fold_case(part).replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    return f"%{escaped}%"
