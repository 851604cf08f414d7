"""Attack a served process, and print what health checks and honest students notice."""

import asyncio
import json
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from pathlib import Path

from infrastructure.all_migrations import apply_migrations
from infrastructure.observability.logging import configure_logging
from infrastructure.postgres.embedded.embedded_postgres import EmbeddedPostgres
from tests.attacks.attack_registry import ATTACKS
from tests.attacks.attack_result import AttackResult, table
from tests.attacks.attack_service import running_attack_service
from tests.attacks.play_attacks import Durations, play_attack
from tests.faults.cluster import temporary_directory


def main(arguments: Sequence[str]) -> None:
    """Run the named attacks, or all, each on a service and a database of its own."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(ATTACKS):
        parser.error(
            f"unknown attack {', '.join(sorted(unknown))}; choose from {', '.join(ATTACKS)}"
        )
    configure_logging("error", "json")
    results = []
    for name in options.names or ATTACKS:
        results.append(asyncio.run(_play(name, Durations(attack=options.seconds), options.nice)))
        print("\n".join(results[-1].details()), flush=True)
    print()
    print("\n".join(table(results)), flush=True)
    if options.json:
        documents = [result.document() for result in results]
        options.json.write_text(json.dumps(documents, indent=2) + "\n")


async def _play(name: str, durations: Durations, nice: int) -> AttackResult:
    # An attack never cuts the power, so fsync would only slow it down.
    with (
        temporary_directory() as home,
        EmbeddedPostgres(home, settings={"fsync": "off"}) as server,
    ):
        apply_migrations(server.url)
        async with running_attack_service(server.url, nice=nice) as service:
            return await play_attack(service, name, durations)


def _parser() -> ArgumentParser:
    summaries = [f"  {name:12}{attack.__doc__}" for name, attack in ATTACKS.items()]
    parser = ArgumentParser(
        "python -m tests.attacks",
        description=__doc__,
        epilog="\n".join(["attacks:", *summaries]),
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="attacks to run (default: all)")
    parser.add_argument(
        "--seconds", type=float, default=30, help="how long each attack lasts (default: 30)"
    )
    parser.add_argument(
        "--nice",
        type=int,
        default=0,
        metavar="N",
        help="niceness of the service and the prober; below 0 only for root, on a shared machine",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results to a file")
    return parser


if __name__ == "__main__":
    main(sys.argv[1:])
