"""Keeps who was erased as files outside the database, so that a restored backup cannot undo it.

`SEAL_DIR/erased/` has one file for each person; its name is the id, so that the list of names is
all that has to be read. A file is never changed or deleted.
"""

import os
from datetime import datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from uuid import UUID

HEADER = "easeboard.com/erased/v1"
DIRECTORY = "erased"


class TombstonesUnreadable(Exception):
    """The files of erased people cannot be listed, so no person may be served."""


class TombstoneFiles:
    """The files of erased people below a directory; every method blocks its thread."""

    def __init__(self, seal_dir: Path) -> None:
        self._directory = seal_dir / DIRECTORY

    def people(self) -> set[UUID]:
        """Return the people who have a file; files of other names are left alone.

        Raises: TombstonesUnreadable.
        """
        try:
            names = [path.name for path in self._directory.iterdir()]
        except FileNotFoundError:
            return set()
        except OSError as error:
            raise TombstonesUnreadable(
                f"{self._directory} cannot be read ({error.strerror}), so it is not known who was "
                "erased: let this user read it, and check SEAL_DIR."
            ) from error
        return {person for name in names if (person := _parse_name(name))}

    def add(self, person_id: UUID, erased_at: datetime, position: int | None) -> None:
        """Write the file of a person, unless there is one; it is complete or not there.

        Raises: OSError if it cannot be written.
        """
        path = self._directory / str(person_id)
        if path.exists():
            return
        self._directory.mkdir(mode=0o755, parents=True, exist_ok=True)
        lines = [HEADER, f"person {person_id}", f"erased_at {erased_at.isoformat()}"]
        if position is not None:
            lines.append(f"position {position}")
        with NamedTemporaryFile("w", dir=self._directory, prefix=".", delete=False) as file:
            file.write("\n".join(lines) + "\n")
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).chmod(0o644)
        Path(file.name).replace(path)


def _parse_name(name: str) -> UUID | None:
    try:
        person_id = UUID(name)
    except ValueError:
        return None
    return person_id if str(person_id) == name else None
