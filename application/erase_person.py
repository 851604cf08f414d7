"""The command that erases a person: their key, and everything that is stored outside the log."""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from application.ports import SecretChange, Store
from domain.errors import DomainError
from domain.person import Person


class AuthUserNotDeletable(DomainError):
    """The user at the identity provider cannot be deleted, because no key for it is set."""

    def __str__(self) -> str:
        return (
            "This service cannot delete the user at Supabase, because SUPABASE_URL or "
            "SUPABASE_SERVICE_KEY is not set; nothing was erased. Erase without delete_auth_user, "
            "and delete the user in Supabase."
        )


class Erasures(Protocol):
    """What is stored about people outside the log, and how it is deleted for good."""

    def erasing(self, person_id: UUID, *, delete_auth_user: bool) -> SecretChange:
        """Return the change that destroys the key of a person and deletes what is stored.

        With `delete_auth_user` their user at the identity provider is deleted later.
        """

    async def finish(self, person_id: UUID) -> None:
        """Forget the key in this process, and keep the erasure outside the database if possible."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasePerson:
    """A person, or an administrator for them, erases everything of the person for good."""

    person_id: UUID
    delete_auth_user: bool = False
    """Whether the user at the identity provider is deleted too, some seconds later."""


async def erase_person(command: ErasePerson, *, store: Store, erasures: Erasures) -> None:
    """Destroy the key and delete what is stored, in the transaction of the event PersonErased.

    To erase again records nothing more, and deletes what a restored backup has brought back. Also a
    person of whom nothing was recorded is erased: nothing can be recorded later.
    """
    stream = Person.id_for(command.person_id)

    async def erase() -> None:
        person = await store.load(Person, stream)
        person.erase(command.person_id)
        erasing = erasures.erasing(command.person_id, delete_auth_user=command.delete_auth_user)
        await store.save(person, secrets=[erasing])

    await store.in_turn(stream, erase)
    await erasures.finish(command.person_id)
