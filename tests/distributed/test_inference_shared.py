"""infer under torchrun: processes share the pictures, and the results are one process's."""

from pathlib import Path

import pytest
import warm
from smoke import ROOT
from tiny_bundles import pixels, tiny_bundle

from gan_style.files import images

INFER = str(ROOT / "infer.py")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Five pictures of two sizes, and a bundle."""
    tiny_bundle(tmp_path / "a2b.safetensors")
    for number in range(5):
        images.write(tmp_path / "in" / f"{number}.png", pixels(20 + number % 2, 30, seed=number))
    return tmp_path


def infer(place: Path, processes: int, output: str, *options: str) -> tuple[list[int], list[str]]:
    """Exit codes, and the lines that the processes print."""
    command = [INFER, "--model", "a2b.safetensors", "--output", output, "--device", "cpu", *options]
    codes = warm.run_ranks(command, processes, place, place / "log")
    return codes, (place / "log").read_text().splitlines()


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_three_processes_write_the_files_of_one(place: Path) -> None:
    assert infer(place, 1, "alone", "--input", "in")[0] == [0]
    (place / "log").unlink()
    codes, said = infer(place, 3, "shared", "--input", "in")
    assert codes == [0, 0, 0], said
    assert files(place / "shared") == files(place / "alone") and len(files(place / "alone")) == 5
    assert [line for line in said if line.endswith("-> shared")] == ["5 translated, 0 skipped (exist), 0 failed -> shared"]
    assert sum("3 processes" in line for line in said) == 1 and sum(line == "5 images" for line in said) == 1


def test_a_failure_in_one_process_is_told_once_and_the_others_go_on(place: Path) -> None:
    (place / "in" / "1.png").write_bytes(b"")
    codes, said = infer(place, 2, "out", "--input", "in")
    assert codes == [2, 2]
    assert "4 translated, 0 skipped (exist), 1 failed -> out" in said
    errors = [line for line in said if line.startswith("error: ")]
    assert errors == ["error: in/1.png: the file is empty (0 bytes); copy it again or remove it"]
    assert len(files(place / "out")) == 4


def test_so_are_pictures_from_noise(place: Path) -> None:
    tiny_bundle(place / "a2b.safetensors", {"name": "dcgan", "base_channels": 4}, "gan", keys={"size": 16, "latent": 3})
    assert infer(place, 1, "alone", "--samples", "5", "--batch-size", "1")[0] == [0]
    codes, said = infer(place, 2, "shared", "--samples", "5", "--batch-size", "1")
    assert codes == [0, 0] and said[-1] == "5 drawn, 0 skipped (exist) -> shared"
    assert files(place / "shared") == files(place / "alone") and len(files(place / "alone")) == 5


def test_a_mistake_of_all_is_told_once(place: Path) -> None:
    codes, said = infer(place, 2, "out", "--input", "nowhere")
    assert codes == [2, 2] and len([line for line in said if line.startswith("error: ")]) == 1, said
