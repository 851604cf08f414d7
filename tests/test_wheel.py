"""What the wheel has beside Python modules."""

from pathlib import Path

from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parents[1]
SUFFIXES_OF_MODULES = (".py", ".sql")


def test_the_wheel_has_the_built_files_of_the_console_and_no_sources_of_them() -> None:
    shipped = {file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    built = ROOT / "interfaces" / "console" / "dist"
    expected = {path.relative_to(ROOT).as_posix() for path in built.iterdir()}
    assert "interfaces/console/dist/index.html" in expected
    assert {path for path in shipped if not path.endswith(SUFFIXES_OF_MODULES)} == expected
