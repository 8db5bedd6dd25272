"""The folder of parts."""

from pathlib import Path

import numpy as np
import pytest

from gan_style.errors import UserError
from gan_style.files.atomic import replacing
from gan_style.translation.parts import Parts


def part(parts: Parts, number: int, whole: bool = True) -> None:
    parts.save(number, {"durations": np.array([float(number)])})
    if whole:
        with replacing(parts.file(number)) as temporary:
            temporary.write_bytes(b"frames")


def test_finished_parts_are_found_again_and_others_are_not(tmp_path: Path) -> None:
    parts = Parts(tmp_path / "a.mp4", {"crf": 18}, ".packets")
    part(parts, 0)
    part(parts, 1)
    part(parts, 2, whole=False)
    parts.close(forget=False)
    again = Parts(tmp_path / "a.mp4", {"crf": 18}, ".packets")
    assert again.finished == 2 and again.load(1)["durations"].tolist() == [1.0]
    again.close(forget=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("target", "identity"), [("b.mp4", {"crf": 18}), ("a.mp4", {"crf": 19})])
def test_other_work_begins_anew(tmp_path: Path, target: str, identity: dict[str, int]) -> None:
    parts = Parts(tmp_path / "a.mp4", {"crf": 18}, ".packets")
    part(parts, 0)
    parts.close(forget=False)
    other = Parts(tmp_path / target, identity, ".packets")
    assert other.finished == 0
    other.close(forget=True)


def test_a_folder_of_the_users_stays(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    parts = Parts(tmp_path / "a.mp4", {}, ".packets", tmp_path / "mine")
    assert parts.file(0).parent.parent == tmp_path / "mine"
    parts.close(forget=True)
    assert (tmp_path / "mine").is_dir()


def test_one_process_at_a_time(tmp_path: Path) -> None:
    import subprocess
    import sys

    from smoke import ROOT

    parts = Parts(tmp_path / "a.mp4", {}, ".packets")
    target = str(tmp_path / "a.mp4")
    program = f"from pathlib import Path; from gan_style.translation.parts import Parts; Parts(Path({target!r}), {{}}, '.packets')"
    done = subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False)
    assert UserError.__name__ in done.stderr and "in use by process" in done.stderr
    parts.close(forget=True)
