"""The health check of a container: `python -m interfaces.http.server.container_health [PORT]`.

It needs only the standard library, so that it takes little time although it runs every 10 seconds.
"""

import os
import sys
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException

API_PORT = 8000
"""The port of the API in the container."""
TIMEOUT_SECONDS = 2.0


def is_alive(port: int) -> bool:
    """Return whether the process that listens on this port answers `/health/live` with 200."""
    connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/health/live")
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def main() -> int:
    """Check the given port, that of METRICS_PORT, or that of the API; return the exit code."""
    configured = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("METRICS_PORT", "").strip()
    return 0 if is_alive(int(configured or API_PORT)) else 1


if __name__ == "__main__":
    sys.exit(main())
