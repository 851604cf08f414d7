"""The nil UUID is not accepted as the id of a user."""

from uuid import UUID, uuid4

import pytest

from domain.aggregate import NO_PERSON
from domain.person_id import InvalidPersonId, require_person_id


@pytest.mark.parametrize("person_id", [uuid4(), UUID(int=1), UUID(int=2**128 - 1)])
def test_every_other_id_may_be_that_of_a_person(person_id: UUID) -> None:
    assert require_person_id(person_id) == person_id


def test_the_nil_uuid_is_refused() -> None:
    with pytest.raises(InvalidPersonId, match="must be the id of a user"):
        require_person_id(NO_PERSON)
