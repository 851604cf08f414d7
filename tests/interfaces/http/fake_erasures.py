"""Erasures in memory, and what a person takes along."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from uuid import UUID

import orjson

from application.erase_person import AuthUserNotDeletable, ErasePerson
from interfaces.composition.erasure import ErasureMembers
from interfaces.queries.take_out.person_history import AccountRecord
from tests.interfaces.http.call_recorder import CallRecorder

OWN_EVENT = {"position": 7, "type": "GradeChanged", "payload": {"note": "=1+1"}}


@dataclass
class FakeErasures(CallRecorder):
    """`has_service_key` is whether users at the identity provider can be deleted."""

    erased: set[UUID] = field(default_factory=set)
    has_service_key: bool = True

    async def erase_person(self, command: ErasePerson) -> None:
        self.record_call("erase_person", command)
        if command.delete_auth_user and not self.has_service_key:
            raise AuthUserNotDeletable
        self.erased.add(command.person_id)

    async def is_erased(self, person_id: UUID) -> bool:
        return person_id in self.erased

    async def account(self, person_id: UUID) -> AccountRecord:
        self.record_call("account", person_id)
        return {"id": str(person_id), "calendar_shared_at": None, "erased_at": None}

    async def pages(self, person_id: UUID) -> AsyncIterator[list[bytes]]:
        self.record_call("person_records", person_id)
        yield [orjson.dumps(OWN_EVENT)]

    def erasure_members(self) -> ErasureMembers:
        """Return the members of a Service about erasures."""
        return {
            "erase_person": self.erase_person,
            "is_erased": self.is_erased,
            "person_records": self,
        }
