"""Rules of the architecture that the import contracts of pyproject.toml cannot express."""

import ast
from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

import projections
from projections.registry import READ_MODELS, RegisteredReadModel
from tests.read_model_sql import created_tables, tables_named_in, tables_of

PROJECTIONS = Path(projections.__path__[0])
PRINTING_CALLS = frozenset({"print", "echo", "secho", "print_exc", "print_exception", "writelines"})
OUTPUT = "interfaces/cli/output.py"
"""The only module that may print: it makes control characters visible."""
PACKAGES = ("domain", "application", "infrastructure", "projections", "interfaces")


def find_circle(imports: Mapping[str, Iterable[str]]) -> list[str]:
    """Return the modules of one circle of imports, the first one again at the end; [] if none."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        circle: list[str] = error.args[1]
        return circle
    return []


@pytest.mark.parametrize("package", PACKAGES)
def test_no_modules_import_each_other_in_a_circle(package: str) -> None:
    # No cache: tests run in parallel and would write the same files.
    graph = grimp.build_graph(package, cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert any(imports.values())
    assert find_circle(imports) == []


def test_a_circle_is_found() -> None:
    assert set(find_circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})) == {"a", "b", "c"}


@pytest.mark.parametrize("model", READ_MODELS, ids=lambda model: model.name)
def test_a_read_model_uses_its_own_tables_only(model: RegisteredReadModel) -> None:
    own_tables = created_tables(model.schema_sql)
    own_views = {f"read.{table}" for table in model.tables}
    named = tables_named_in(PROJECTIONS / model.name)
    assert named & own_tables
    assert named & own_views
    assert named <= own_tables | own_views


def test_read_models_share_one_foreign_table() -> None:
    # projections/support/schedule_row.py explains why.
    assert tables_named_in(PROJECTIONS / "support") == {"gone", "easeboard.canvas_hosts"}


def test_the_tables_of_a_statement_are_found() -> None:
    statement = """
        WITH recent AS (SELECT id FROM read.syncs), old AS MATERIALIZED (SELECT 1)
        SELECT FROM recent JOIN easeboard.events ON TRUE JOIN old, unnest(a) FOR UPDATE
    """
    assert tables_of(statement) == {"read.syncs", "easeboard.events"}
    assert tables_of("INSERT INTO syncs SELECT FROM unnest(x) ON CONFLICT (id) DO UPDATE SET y = 1")


def printing_calls(source: str) -> set[str]:
    """The calls of a module that print, by the name of the function or of the stream."""
    calls = [node.func for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    names = {call.id for call in calls if isinstance(call, ast.Name)}
    attributes = {call.attr: ast.unparse(call) for call in calls if isinstance(call, ast.Attribute)}
    streams = {
        text for text in attributes.values() if text in {"sys.stdout.write", "sys.stderr.write"}
    }
    return (names | set(attributes)) & PRINTING_CALLS | streams


def test_one_module_prints() -> None:
    root = PROJECTIONS.parent
    paths = [path for package in PACKAGES for path in (root / package).rglob("*.py")]
    found = {
        path.relative_to(root).as_posix(): calls
        for path in paths
        if (calls := printing_calls(path.read_text("utf-8")))
    }
    assert OUTPUT in found
    assert set(found) == {OUTPUT}, f"Print with the functions of {OUTPUT}: {found}"


@pytest.mark.parametrize(
    ("source", "calls"),
    [
        ("print(name)", {"print"}),
        ("typer.echo(name)", {"echo"}),
        ("import sys; sys.stdout.write(name)", {"sys.stdout.write"}),
        ("traceback.print_exception(error)", {"print_exception"}),
        ("transport.write(data); print_line(name)", set()),
    ],
)
def test_calls_that_print_are_found(source: str, calls: set[str]) -> None:
    assert printing_calls(source) == calls
