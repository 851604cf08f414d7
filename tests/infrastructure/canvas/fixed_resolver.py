"""A resolver whose answers do not depend on the network."""

from collections.abc import Iterable

from aiohttp.abc import AbstractResolver, ResolveResult


class FixedResolver(AbstractResolver):
    """Resolves every name to the same addresses; without any, no name exists."""

    def __init__(self, addresses: Iterable[str], port: int = 443) -> None:
        self._addresses = list(addresses)
        self._port = port

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: int = 0,  # noqa: ARG002  # the signature of aiohttp
    ) -> list[ResolveResult]:
        if not self._addresses:
            raise OSError(None, "no such name")
        return [
            {"hostname": host, "host": each, "port": port, "family": 2, "proto": 0, "flags": 4}
            for each in self._addresses
        ]

    async def close(self) -> None:
        return
