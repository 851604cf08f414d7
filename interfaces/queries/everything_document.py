"""Composes the document with all data of a person from the documents of several read models."""

from collections.abc import Mapping

import orjson

from projections.support.json_documents import encode_array


def compose_everything(items: Mapping[str, list[bytes]]) -> bytes:
    """Return a JSON object with an array of documents for each key, and `synced_at`.

    It may have many megabytes. `connections` must be one of the keys.
    """
    arrays = b"".join(b'"%b":%b,' % (key.encode(), encode_array(items[key])) for key in items)
    return b'{%b"synced_at":%b}' % (arrays, orjson.dumps(_newest_sync(items["connections"])))


def _newest_sync(connections: list[bytes]) -> str | None:
    times = (orjson.loads(document)["last_synced_at"] for document in connections)
    return max((time for time in times if time), default=None)
