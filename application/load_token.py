"""Loads the token of a connection, also while it is being replaced."""

from application.ports import Store, Vault
from domain.connection import Connection


async def load_token(connection: Connection, store: Store, vault: Vault) -> tuple[Connection, str]:
    """Return the token, and the connection that names it.

    If the token was replaced since the connection was loaded, that is the newer token.

    Raises: KeyError if the connection has no token; what Vault.load raises.
    """
    while True:
        fingerprint = connection.token_fingerprint
        try:
            token = await vault.load(
                connection.person_id, connection.id, connection.canvas_url, fingerprint
            )
        except KeyError:
            newest = await store.load(Connection, connection.id)
            if newest.status == "closed" or newest.token_fingerprint == fingerprint:
                raise
            connection = newest
        else:
            return connection, token
