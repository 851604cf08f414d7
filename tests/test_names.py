"""Names, sizes and plain words: the rules of CONTRIBUTING.md that a program can check."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from pkgutil import iter_modules

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = ("domain", "application", "infrastructure", "projections", "interfaces")
PRODUCTION_FILES = [path for layer in LAYERS for path in sorted((ROOT / layer).rglob("*.py"))]
ALL_FILES = [*PRODUCTION_FILES, *sorted((ROOT / "tests").rglob("*.py"))]

SHARED_MODULE_NAMES = {"__init__", "__main__", "query", "projector", "schema", "errors", "registry"}
"""Module names that state a role, so that several folders have one."""
FOLDERS_NAMED_BY_TOPIC = {"routes", "schemas", "cli", "events", "serializers"}
"""Folders whose modules are named by what they are about; the folder states the role."""
FOLDERS_OF_SHOWN_THINGS = ("interfaces/http/schemas", "infrastructure/canvas_sandbox")
"""Their classes may have the names of the domain classes that they show."""
TERMS_ENDING_IN_ING = {
    "batching",
    "logging",
    "error_mapping",
    "rate_limiting",
    "scheduling",
    "tracing",
}
"""Nouns of the field, although they end like a gerund."""
VERBS_OF_SPEECH = frozenset(
    {"tell", "told", "ask", "asked", "say", "said", "hear", "heard", "see", "seen", "speak", "talk"}
)

RIDDLE_WORDS = re.compile(
    r"\b(?:whoever|whomever|somebody|nobody|everybody|anew|shall"
    r"|tells?|told|telling|asks?|asked|asking|says?|said|saying|hears?|heard|hearing"
    r"|for ever|(?:is|are) no more|of late|but for|go(?:es)? by|going by)\b",
    re.IGNORECASE,
)
MAX_RIDDLE_SHARE = 0.01
MAX_FUNCTION_LINES = 40
MAX_FILE_LINES = 300
MAX_MODULES = {"infrastructure": 16, "interfaces/http": 13}
"""How many modules and packages may be directly in a package."""

Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def names_used_twice(named: Iterable[tuple[str, Path]]) -> dict[str, list[str]]:
    """The names that stand for several files, and these files."""
    paths = defaultdict(list)
    for name, path in named:
        paths[name].append(relative(path))
    return {name: found for name, found in paths.items() if len(found) > 1}


def module_names() -> Iterator[tuple[str, Path]]:
    """Every production module and package, by its last name."""
    for path in PRODUCTION_FILES:
        yield (path.parent.name if path.stem == "__init__" else path.stem), path


def docstrings_of(module: ast.Module) -> Iterator[tuple[int, str]]:
    """Docstrings of the module, its classes and functions, and those below fields and constants."""
    for node in ast.walk(module):
        if isinstance(node, ast.Module | Definition) and (text := ast.get_docstring(node)):
            yield getattr(node, "lineno", 1), text
        if isinstance(node, ast.Module | ast.ClassDef):
            yield from _attribute_docstrings(node)


def _attribute_docstrings(node: ast.Module | ast.ClassDef) -> Iterator[tuple[int, str]]:
    for assignment, following in zip(node.body, node.body[1:], strict=False):
        if (
            isinstance(assignment, ast.Assign | ast.AnnAssign)
            and isinstance(following, ast.Expr)
            and isinstance(following.value, ast.Constant)
            and isinstance(following.value.value, str)
        ):
            yield following.lineno, following.value.value


def length_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The lines of a function without its docstring."""
    docstring = function.body[0] if ast.get_docstring(function) else None
    docstring_lines = (docstring.end_lineno or 0) - docstring.lineno + 1 if docstring else 0
    return (function.end_lineno or 0) - function.lineno + 1 - docstring_lines


def test_no_module_name_is_used_twice() -> None:
    named = [
        (path.stem, path)
        for path in PRODUCTION_FILES
        if path.stem not in SHARED_MODULE_NAMES and path.parent.name not in FOLDERS_NAMED_BY_TOPIC
    ]
    repeated = names_used_twice(named)
    assert not repeated, f"Rename all but one of these modules by what is different: {repeated}"


def test_no_class_name_means_two_things() -> None:
    named = [
        (node.name, path)
        for path in PRODUCTION_FILES
        if not relative(path).startswith(FOLDERS_OF_SHOWN_THINGS)
        for node in ast.walk(parse(path))
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    ]
    repeated = names_used_twice(named)
    assert not repeated, f"Rename one class by what is different, or use the other: {repeated}"


def test_no_module_is_named_by_a_gerund_or_a_verb_of_speech() -> None:
    wrong = [
        relative(path)
        for name, path in module_names()
        if (name.endswith("ing") and name not in TERMS_ENDING_IN_ING)
        or VERBS_OF_SPEECH.intersection(name.split("_"))
    ]
    assert not wrong, (
        f"Name these modules by a noun or a standard role: {wrong}. If the name is a noun of the"
        " field, add it to TERMS_ENDING_IN_ING."
    )


def test_docstrings_are_in_plain_words() -> None:
    docstrings = [
        (f"{relative(path)}:{line}", text)
        for path in PRODUCTION_FILES
        for line, text in docstrings_of(parse(path))
    ]
    riddles = {
        place: found[0] for place, text in docstrings if (found := RIDDLE_WORDS.search(text))
    }
    share = len(riddles) / len(docstrings)
    assert share < MAX_RIDDLE_SHARE, (
        f"{share:.1%} of the docstrings have a word that CONTRIBUTING.md excludes; write what the"
        f" code does in the words of docs/glossary.md: {riddles}"
    )


def test_no_function_is_long() -> None:
    long = {
        f"{relative(path)}:{node.lineno} {node.name}": length_of(node)
        for path in ALL_FILES
        for node in ast.walk(parse(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and length_of(node) > MAX_FUNCTION_LINES
    }
    assert not long, f"Split these functions; at most {MAX_FUNCTION_LINES} lines each: {long}"


def test_no_file_is_long() -> None:
    sources = [*ALL_FILES, *(path for layer in LAYERS for path in (ROOT / layer).rglob("*.sql"))]
    lines = {relative(path): len(path.read_text("utf-8").splitlines()) for path in sources}
    long = {path: count for path, count in lines.items() if count > MAX_FILE_LINES}
    assert not long, f"Split these files; at most {MAX_FILE_LINES} lines each: {long}"


@pytest.mark.parametrize("package", MAX_MODULES)
def test_a_package_has_few_modules_at_its_first_level(package: str) -> None:
    modules = sorted(module.name for module in iter_modules([str(ROOT / package)]))
    assert len(modules) <= MAX_MODULES[package], (
        f"{package} has {len(modules)} modules and packages, at most {MAX_MODULES[package]}: move"
        f" the new one into the package it belongs to. {modules}"
    )
