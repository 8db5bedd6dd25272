"""The files of onnxruntime-web: those of a folder, or of the one package that is known."""

from pathlib import Path

import pytest

from gan_style.errors import UserError
from gan_style.exporting import runtime
from gan_style.exporting.runtime import FILES, VERSION, runtime_files


def npm(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put a script in the place of npm."""
    (folder / "npm").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


@pytest.mark.parametrize("inside", ["", "dist", "package/dist"])
def test_a_folder_is_taken_with_or_without_the_packages_own(inside: str, tmp_path: Path) -> None:
    (tmp_path / inside).mkdir(parents=True, exist_ok=True)
    for name in FILES:
        (tmp_path / inside / name).write_text(name)
    assert runtime_files(tmp_path) == {name: name.encode() for name in FILES}


def test_a_folder_that_lacks_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILES[0]).write_text("")
    with pytest.raises(UserError, match=rf"--ort .*: {FILES[1]} cannot be read \(No such file or directory\); give the folder of"):
        runtime_files(tmp_path)


def test_another_package_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm(tmp_path, monkeypatch, 'while [ "$1" != --pack-destination ]; do shift; done; echo other > "$2/onnxruntime-web.tgz"')
    with pytest.raises(UserError, match=f"onnxruntime-web {VERSION} that npm fetched has another SHA-512; fetch .* as --ort$"):
        runtime_files(None)


def test_what_npm_says_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm(tmp_path, monkeypatch, "echo 'npm error network'; echo 'no connection' >&2; exit 1")
    with pytest.raises(UserError, match=r"npm cannot fetch onnxruntime-web \(no connection\); fetch .* as --ort$"):
        runtime_files(None)


def test_npm_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm(tmp_path, monkeypatch, "exec sleep 60")
    monkeypatch.setattr(runtime, "SECONDS", 0.1)
    with pytest.raises(UserError, match=r"npm did not fetch onnxruntime-web within 0.1 s"):
        runtime_files(None)


def test_without_npm_a_line_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match=r"^--web: npm is not installed, which fetches onnxruntime-web; install it, or fetch"):
        runtime_files(None)
