import os
from pathlib import Path

import pytest

from gan_style.files.opening import open_regular, read_regular, refusal


def test_a_file_is_read_up_to_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    (tmp_path / "link").symlink_to(path)
    assert read_regular(path, 4) == b"0123"
    assert read_regular(tmp_path / "link", 100) == b"0123456789"
    with open_regular(path) as file:
        assert file.read() == b"0123456789"


@pytest.mark.skipif(os.name == "nt", reason="POSIX files")
def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero"), Path("\0")):
        with pytest.raises(OSError, match=r"regular file|NUL"):
            read_regular(path, 10)
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "absent")


@pytest.mark.skipif(os.name == "nt", reason="POSIX files")
def test_paths_that_can_be_none(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").touch()
    assert refusal("") == "is empty"
    assert refusal("a\0b") == "holds a NUL character"
    assert "too long" in str(refusal(str(tmp_path / ("x" * 300))))
    assert "symbolic links" in str(refusal(str(tmp_path / "loop" / "x")))
    assert refusal("\ud800") == "cannot be the name of a file here"
    for place in (tmp_path, tmp_path / "absent", tmp_path / "file", tmp_path / "file" / "below", "../x"):
        assert refusal(str(place)) is None
