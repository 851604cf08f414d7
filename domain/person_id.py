"""The rule for the id of a person."""

from uuid import UUID

from domain.aggregate import NO_PERSON


class InvalidPersonId(ValueError):
    """The id stands for no person, so that nothing can be recorded about it."""


def require_person_id(person_id: UUID) -> UUID:
    """Return the id of a person.

    Raises: InvalidPersonId if it is the nil UUID, which stands for no person.
    """
    if person_id == NO_PERSON:
        raise InvalidPersonId("must be the id of a user; the nil UUID stands for no user")
    return person_id
