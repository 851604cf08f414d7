"""A part of all people, whose events one process of a rebuild applies."""

from typing import NamedTuple

MAX_SLICES = 16
"""More would differ too much in size: people are divided by one byte of their ids."""

IS_IN_SLICE = "AND get_byte(uuid_send(person_id), 15) %% %s = %s"
"""The condition of a row of the log; its parameters are `total` and `number` of a slice."""


class PeopleSlice(NamedTuple):
    """Slice `number` of `total` slices of all people, by their ids; the first is number 0."""

    number: int
    total: int
