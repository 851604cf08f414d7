"""Finds content that is hidden in an export although no erasure can have hidden it."""

from dataclasses import dataclass
from uuid import UUID

from infrastructure.seals.exports.event_check import CheckedEvent


@dataclass(slots=True)
class _PersonContent:
    """What an export has of the encrypted events of one person."""

    shown: int = 0
    hidden: int = 0
    first_hidden: int = 0
    """Position of the first event whose content is hidden."""


class HiddenContent:
    """Compares the encrypted events of each person: one key decrypts all of them.

    An erasure destroys this key, so either all of them can be read or none.
    """

    def __init__(self) -> None:
        self._people: dict[UUID, _PersonContent] = {}

    def add(self, event: CheckedEvent) -> None:
        """Take in an event that is proven."""
        if not event.is_encrypted:
            return
        person = self._people.setdefault(event.entry.person_id, _PersonContent())
        if event.content in {"redacted", "unreadable"}:
            person.first_hidden = person.first_hidden or event.entry.position
            person.hidden += 1
        else:
            person.shown += 1

    def findings(self) -> dict[int, str]:
        """Return a sentence for each person with both, by the first position that is hidden."""
        return {
            person.first_hidden: (
                f"Of the encrypted events of the person {person_id}, {person.hidden:,} hide their"
                f" content, first at position {person.first_hidden}, and {person.shown:,} show it."
                " An erasure hides all: the content was taken out of the file, or the person was"
                " erased while the file was made; then export again."
            )
            for person_id, person in self._people.items()
            if person.hidden and person.shown
        }
