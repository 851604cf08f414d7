"""The option `--demo`, which every command has: it uses the demo that runs on this machine."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from typer.core import TyperGroup, TyperOption

from interfaces.cli.number_options import explain_numbers

if TYPE_CHECKING:
    from interfaces.cli.demo.running_demo import RunningDemo

COMMAND_WITHOUT_OPTION = "demo"
"""The command that starts a demo."""

_selected: ContextVar["RunningDemo | None"] = ContextVar("selected_demo", default=None)


class DemoOptionGroup(TyperGroup):
    """A group of commands that gives itself and each of its commands the option `--demo`.

    It also describes the numbers that the options of its commands accept.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for command in (self, *self.commands.values()):
            names = {parameter.name for parameter in command.params}
            if command.name != COMMAND_WITHOUT_OPTION and "use_demo" not in names:
                command.params.append(_new_option())
            explain_numbers(command.params)


def _new_option() -> TyperOption:
    return TyperOption(
        param_decls=["use_demo", "--demo"],
        is_flag=True,
        expose_value=False,
        callback=_select_demo,
        help="Use the database and the service of the demo that runs now.",
    )


def selected_demo() -> "RunningDemo | None":
    """Return the demo that `--demo` has selected; None without this option."""
    return _selected.get()


def demo_settings() -> Mapping[str, Any]:
    """Return the settings of the selected demo; none without `--demo`."""
    demo = selected_demo()
    if demo is None:
        return {}
    from interfaces.cli.demo.running_demo import UNSET_SETTINGS  # noqa: PLC0415  # keeps --help fast

    return {**UNSET_SETTINGS, **demo.settings}


def _select_demo(context: Any, _: Any, requested: bool) -> None:  # noqa: FBT001  # typer calls it
    if not requested or selected_demo():
        return
    from interfaces.cli.demo.running_demo import find_running_demo  # noqa: PLC0415  # as above

    context.find_root().with_resource(_selection(find_running_demo()))


@contextmanager
def _selection(demo: "RunningDemo") -> Iterator[None]:
    token = _selected.set(demo)
    try:
        yield
    finally:
        _selected.reset(token)
