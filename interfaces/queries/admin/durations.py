"""Shows durations in the reasons of findings."""

UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def format_duration(seconds: float) -> str:
    """Return a duration in its two largest units, such as `1 min 27 s`."""
    rest = max(0, round(seconds))
    parts = []
    for name, size in UNITS:
        number, rest = divmod(rest, size)
        parts += [f"{number} {name}"] if number else []
    return " ".join(parts[:2]) or "0 s"
