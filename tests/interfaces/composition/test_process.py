import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, get_args, get_type_hints

from infrastructure.settings.settings import read_settings
from interfaces.composition.bootstrap import bootstrap
from interfaces.service import Service

MASTER_KEY = "0123456789abcdefghijklmnopqrstuv"


async def test_bound_queries_have_the_signatures_that_the_service_declares(
    database_url: str,
) -> None:
    # mypy checks what partial() binds, but not what remains to be passed.
    settings = read_settings(
        _env_file=None, database_url=database_url, canvas_encryption_key=MASTER_KEY
    )
    async with bootstrap(settings) as process:
        service = process.service
        assert process.service is service
    bound = {
        name: function
        for name in get_type_hints(Service)
        if isinstance(function := getattr(service, name), partial)
        or (inspect.isfunction(function) and function.__module__.startswith("projections."))
    }
    assert {"connections_of", "connection_of", "stats_of", "projection_status"} <= set(bound)
    hints = get_type_hints(Service)
    for name, function in bound.items():
        assert remaining_signature(function) == declared_signature(hints[name]), name


def remaining_signature(function: Callable[..., Any]) -> inspect.Signature:
    """The signature of a function without the arguments that are bound."""
    if not isinstance(function, partial):
        return inspect.signature(function)
    signature = inspect.signature(function.func)
    parameters = [
        parameter
        for name, parameter in list(signature.parameters.items())[len(function.args) :]
        if name not in function.keywords
    ]
    return signature.replace(parameters=parameters)


def declared_signature(hint: Any) -> inspect.Signature:
    """The signature of a callback protocol, or of a Callable without arguments."""
    if isinstance(hint, type):
        _, *parameters = inspect.signature(protocol_call(hint)).parameters.values()
        return inspect.signature(protocol_call(hint)).replace(parameters=parameters)
    arguments, awaitable = get_args(hint)
    assert arguments == []
    (result,) = get_args(awaitable)
    return inspect.Signature(return_annotation=result)


def protocol_call(protocol: type) -> Callable[..., Any]:
    call: Callable[..., Any] = vars(protocol)["__call__"]
    return call
