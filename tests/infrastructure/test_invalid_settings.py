"""Tests of what is said about a directory that EASEBOARD_HOME cannot be."""

from pathlib import Path

import pytest

from infrastructure.settings.invalid_settings import InvalidSettings, home_problem, require_home


def test_one_problem_is_the_message_and_several_are_lines() -> None:
    assert str(InvalidSettings(["A is wrong."])) == "A is wrong."
    text = str(InvalidSettings(["A is wrong.", "B is missing."]))
    assert text.splitlines()[1:] == ["  A is wrong.", "  B is missing."]


def test_a_home_that_can_be_created_is_no_problem_and_is_not_created_by_the_check(
    tmp_path: Path,
) -> None:
    home = tmp_path / "new" / "home"
    assert home_problem(home) is None
    assert not home.parent.exists()
    require_home(home, 0o700)
    require_home(home, 0o700)
    assert home.is_dir()


def test_a_home_below_a_file_is_named_with_its_setting(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for home in (file, file / "home"):
        assert f"{file} is not a directory" in str(home_problem(home))
        with pytest.raises(InvalidSettings, match=r"^EASEBOARD_HOME cannot be .* set it to"):
            require_home(home, 0o700)
