"""Play a scene with many connections, and print what the service and the sandbox did."""

import asyncio
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from infrastructure.all_migrations import apply_migrations
from infrastructure.postgres.embedded.embedded_postgres import EmbeddedPostgres
from tests.faults.cluster import temporary_directory
from tests.scenes.play_scenes import play_host_away, play_tokens_revoked
from tests.scenes.scene_result import SceneResult
from tests.scenes.scene_service import running_scene

SCENES: dict[str, Callable[..., Awaitable[SceneResult]]] = {
    "away": play_host_away,
    "revoked": play_tokens_revoked,
}
EXAMPLES = """examples:
  python -m tests.scenes                                     both scenes with 1,000 connections
  python -m tests.scenes revoked --connections 10000
  python -m tests.scenes away --connections 10000 --later 300
"""


def main(arguments: Sequence[str]) -> None:
    """Play the named scenes, or both, each with a database and a sandbox of its own."""
    options = _parser().parse_args(arguments)
    for name in options.scenes or SCENES:
        if name not in SCENES:
            sys.exit(f"There is no scene {name}: choose from {', '.join(SCENES)}.")
        print(f"\n{name}", flush=True)
        result = asyncio.run(_play(SCENES[name], options.connections, options.later))
        print("\n".join(result.lines()), flush=True)


async def _play(
    play: Callable[..., Awaitable[SceneResult]], connections: int, later_seconds: float
) -> SceneResult:
    with temporary_directory() as home, _running_server(home) as server:
        apply_migrations(server.url)
        async with running_scene(server.url, server, connections) as service:
            return await play(service, later_seconds=later_seconds)


def _running_server(home: Path) -> EmbeddedPostgres:
    # A scene never cuts the power, so fsync would only slow it down.
    return EmbeddedPostgres(home, settings={"fsync": "off"})


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        "python -m tests.scenes",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "scenes",
        nargs="*",
        metavar="SCENE",
        help=f"scenes to play (default: all): {', '.join(SCENES)}",
    )
    parser.add_argument(
        "--connections", type=int, default=1_000, metavar="N", help="connections (default: 1,000)"
    )
    parser.add_argument(
        "--later",
        type=float,
        default=60,
        metavar="SECONDS",
        help="seconds to observe after every connection has failed once (default: 60)",
    )
    return parser


if __name__ == "__main__":
    main(sys.argv[1:])
