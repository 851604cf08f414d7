"""A process that scans without pause while it holds the lease."""

import asyncio
import sys

from tests.infrastructure.scheduling.scanner_fixture import Clock, open_scanner_process


async def main(url: str) -> None:
    async with (
        open_scanner_process(url, Clock(), lease_seconds=2) as process,
        process.lease.maintain(),
    ):
        while True:
            await process.scanner.scan()
            await asyncio.sleep(0.05)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
