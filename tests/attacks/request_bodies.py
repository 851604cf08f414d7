"""Attacks the validation of request bodies."""

import itertools
import string
from uuid import uuid4

from tests.attacks.attack import Attack, Attacker

WORKERS = 4
FIELD_COUNT = 8100


class UnknownFields(Attack):
    """A student sends bodies with 8,100 unknown fields, each with an Idempotency-Key."""

    finding = "02, 10"

    async def run(self, attacker: Attacker) -> None:
        """Send them to all commands with a body, as many as the limits of one student permit."""
        names = map("".join, itertools.product(string.ascii_letters, repeat=3))
        fields = (f'"{name}":1' for name in itertools.islice(names, FIELD_COUNT))
        body = ("{" + ",".join(fields) + "}").encode()
        connection = f"/api/v1/canvas/connections/{uuid4()}"
        commands = [
            ("POST", "/api/v1/canvas/setup"),
            ("POST", f"{connection}/sync"),
            ("POST", f"{connection}/validate"),
            ("PUT", f"{connection}/token"),
        ]

        async def send(number: int) -> None:
            method, path = commands[number % len(commands)]
            headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid4())}
            await attacker.send(method, path, person=attacker.person, data=body, headers=headers)

        await attacker.in_parallel(WORKERS, send)
