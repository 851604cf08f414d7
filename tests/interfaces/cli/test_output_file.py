"""An output is written without harm to what its name leads to."""

import os
import threading
from pathlib import Path
from typing import BinaryIO

import pytest

from interfaces.cli.output_file import is_standard_output, open_output


def write(out: Path, content: bytes = b"new") -> None:
    with open_output(out) as file:
        file.write(content)


def stop(file: BinaryIO) -> None:
    file.write(b"new")
    raise BufferError


def test_a_file_has_its_name_when_it_is_complete(tmp_path: Path) -> None:
    out = tmp_path / "ada.ndjson"
    with open_output(out) as file:
        file.write(b"new")
        assert not out.exists()
    assert out.read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["ada.ndjson"]


def test_after_an_error_the_old_file_is_still_there(tmp_path: Path) -> None:
    out = tmp_path / "ada.ndjson"
    out.write_bytes(b"old")
    with pytest.raises(BufferError), open_output(out) as file:
        stop(file)
    assert out.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["ada.ndjson"]


@pytest.mark.parametrize("has_target", [True, False])
def test_a_link_stays_a_link(tmp_path: Path, has_target: bool) -> None:  # noqa: FBT001  # a test parameter
    target, link = tmp_path / "kept" / "ada.ndjson", tmp_path / "link"
    target.parent.mkdir()
    if has_target:
        target.write_bytes(b"old")
    link.symlink_to(target)
    write(link)
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_a_link_to_itself_is_refused(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(link)
    with pytest.raises(OSError, match="symbolic links"):
        write(link)
    assert link.is_symlink()


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=write, args=[pipe])
    writer.start()
    assert pipe.read_bytes() == b"new"
    writer.join()
    assert pipe.is_fifo()


def test_a_full_device_is_an_error(tmp_path: Path) -> None:
    link = tmp_path / "full"
    link.symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        write(link)
    assert link.is_char_device()


def test_the_standard_output_has_several_names(capfd: pytest.CaptureFixture[str]) -> None:
    with capfd.disabled():
        assert is_standard_output(Path("-"))
        assert is_standard_output(Path("/dev/stdout"))
        assert not is_standard_output(Path("/dev/full"))
