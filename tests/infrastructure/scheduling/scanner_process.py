"""A process that scans all the time, whenever it holds the lease."""

import asyncio
import sys

from tests.infrastructure.scheduling.scanner_fixture import Clock, process


async def main(url: str) -> None:
    async with process(url, Clock(), seconds=2) as there, there.lease.sought():
        while True:
            await there.scanner.scan()
            await asyncio.sleep(0.05)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
