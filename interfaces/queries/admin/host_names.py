"""Shows a Canvas address as a host, and finds the address of a host."""

from projections.support.search import fold_case


def host_of(origin: str) -> str:
    """Return the host of a Canvas address, with its port if it has one."""
    return origin.partition("://")[2] or origin


def origins_of(host: str) -> tuple[str, str]:
    """Return the two addresses that a host can have: with https, and with http.

    `host` can be an address itself, with a path or without.
    """
    scheme, separator, rest = fold_case(host.strip()).rpartition("://")
    name = rest.partition("/")[0]
    if separator:
        return f"{scheme}://{name}", f"{scheme}://{name}"
    return f"https://{name}", f"http://{name}"
