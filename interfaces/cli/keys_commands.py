"""Defines the commands of `easeboard keys` with their options."""

# ruff: noqa: PLC0415  # a command imports its module when it runs, which keeps --help fast

from interfaces.cli.options import CommandGroup, JsonOption, example

keys_app = CommandGroup(help="Rotate the master key.", epilog=example("easeboard keys rotate"))


@keys_app.callback()
def _keys() -> None: ...


@keys_app.command("rotate", epilog=example("easeboard keys rotate --json"))
def rotate_keys(*, json: JsonOption = False) -> None:
    """Encrypt every stored key with the newest master key, the first in CANVAS_ENCRYPTION_KEY.

    Put the new key first in CANVAS_ENCRYPTION_KEY of every process and restart them, in any order:
    they go on encrypting with the old key. Then run this command once, on any machine. It refuses
    if a process does not have the new key. While it runs, everything else goes on; if it is
    interrupted, run it again. When no record is left, remove the old key.
    """
    from interfaces.cli.keys import run_rotation

    run_rotation(json=json)
