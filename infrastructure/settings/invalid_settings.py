"""The error of settings that are not valid, with every problem that was found at once."""

import os
from collections.abc import Collection, Sequence
from pathlib import Path

INTRODUCTION = "Some settings cannot be used; correct them in the environment or in .env:"


class InvalidSettings(Exception):
    """Settings are not valid; each problem names a setting, its rule and what to do.

    `names` are the field names of values that are malformed; empty if `.env` cannot be read.
    """

    def __init__(self, problems: Sequence[str], names: Collection[str] = ()) -> None:
        self.problems = tuple(problems)
        self.names = frozenset(names)
        lines = [f"  {problem}" for problem in self.problems]
        super().__init__(
            self.problems[0] if len(self.problems) == 1 else "\n".join([INTRODUCTION, *lines])
        )


def home_problem(home: Path) -> str | None:
    """Return why EASEBOARD_HOME cannot be used for data, or None; creates nothing."""
    # os.path.exists also has an answer below a directory that this user may not enter.
    nearest = next(path for path in (home, *home.parents) if os.path.exists(path))  # noqa: PTH110
    if not nearest.is_dir():
        reason = f"{nearest} is not a directory"
    elif not _is_writable(nearest):
        reason = f"{nearest} cannot be written to by this user"
    else:
        return None
    return f"EASEBOARD_HOME cannot be {home}, because {reason}; set it to another directory."


def require_usable_home(home: Path) -> None:
    """Require a directory that EASEBOARD_HOME can be; creates nothing.

    Raises: InvalidSettings if it could not be created or written to.
    """
    if problem := home_problem(home):
        raise InvalidSettings([problem], ["easeboard_home"])


def require_home(home: Path, mode: int) -> None:
    """Create the directory of EASEBOARD_HOME if it is missing.

    Raises: InvalidSettings if it cannot be created or written to.
    """
    require_usable_home(home)
    try:
        home.mkdir(mode=mode, parents=True, exist_ok=True)
    except OSError as error:
        problem = (
            f"EASEBOARD_HOME cannot be {home} ({error.strerror}); set it to another directory."
        )
        raise InvalidSettings([problem], ["easeboard_home"]) from None


def _is_writable(directory: Path) -> bool:
    return os.access(directory, os.W_OK | os.X_OK)
