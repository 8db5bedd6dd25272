"""infer.py on animated pictures, as a user calls it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from full_disk import files_of_at_most
from PIL import Image
from tiny_bundles import tiny_bundle
from videos import draw_frame

from gan_style.files import images
from gan_style.files.animated import probe_animation
from gan_style.files.animation import animation_frames, write_animation
from gan_style.translation.moving_files import AnimationFile
from gan_style.translation.predictor import Predictor

DURATIONS = [40.0, 100.0, 250.0, 70.0, 30.0]


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tiny_bundle(Path("a2b.safetensors"), seed=1)


def command(input: str, *options: str, output: str = "out") -> list[str]:
    return ["--model", "a2b.safetensors", "--input", input, "--output", output, "--device", "cpu", *options]


def draw(name: str, plays: int = 0) -> list[np.ndarray]:
    """Write an animation with a hole; returns its frames as they are read, RGB."""
    frames = []
    for number in range(len(DURATIONS)):
        alpha = np.full((32, 48, 1), 255, np.uint8)
        alpha[4:12, 30:44] = 0
        frames.append(np.concatenate([draw_frame(number), alpha], axis=2))
    write_animation(Path(name), Path(name), zip(frames, DURATIONS, strict=True), plays, 1)
    return [frame.pixels for frame in animation_frames(Path(name), 3)]


@pytest.mark.parametrize(
    ("name", "options", "result"),
    [
        ("a.gif", [], "a.gif"),
        ("a.webp", [], "a.webp"),
        ("a.png", [], "a.png"),
        ("a.gif", ["--format", "keep"], "a.gif"),
        ("a.gif", ["--format", "png"], "a.png"),
        ("a.webp", ["--format", "png"], "a.png"),
        ("a.png", ["--format", "webp"], "a.webp"),
        ("a.apng", [], "a.png"),
    ],
)
def test_frames_durations_repetitions_and_transparency_are_kept(
    main: Callable[..., int], name: str, options: list[str], result: str
) -> None:
    frames = draw("a.png" if name == "a.apng" else name, plays=3)
    if name == "a.apng":
        Path("a.png").rename("a.apng")
    assert main(command(name, *options)) == 0
    assert [path.name for path in Path("out").iterdir()] == [result]
    about = probe_animation(Path("out", result))
    assert (about.frames, about.plays) == (5, 3)
    predictor = Predictor.load("a2b.safetensors", "cpu")
    shown = list(animation_frames(Path("out", result), 3))
    assert [frame.duration for frame in shown] == DURATIONS
    for frame, source in zip(shown, frames, strict=True):
        expected = images.to_pixels(predictor(images.to_tensor(source))).astype(int)
        assert frame.alpha is not None
        seen = frame.alpha > 0
        assert (~seen).sum() == 8 * 14
        assert np.abs(frame.pixels[seen] - expected[seen]).mean() <= (16 if result.endswith(".gif") else 0)


def test_formats_that_hold_one_frame_get_the_first(main: Callable[..., int]) -> None:
    draw("a.gif")
    with pytest.warns(UserWarning, match="holds several pages or frames, of which the first is read"):
        assert main(command("a.gif", "--format", "jpg")) == 0
    assert images.probe(Path("out/a.jpg")).several is False


def test_a_still_gif_becomes_a_png_as_before(main: Callable[..., int]) -> None:
    Image.fromarray(draw_frame(0)).save("still.gif")
    assert main(command("still.gif")) == 0
    assert [path.name for path in Path("out").iterdir()] == ["still.png"]


def test_animations_among_pictures(main: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    Path("in").mkdir()
    draw("in/a.gif")
    draw("in/b.png")
    images.write(Path("in/c.png"), draw_frame(0))
    Path("in/d.gif").write_bytes(Path("in/a.gif").read_bytes()[:1500])
    assert main(command("in")) == 2
    said = capsys.readouterr()
    assert said.out.splitlines()[-1] == "3 translated, 0 skipped (exist), 1 failed -> out"
    assert "in/d.gif: damaged or cut short" in said.err
    assert sorted(path.name for path in Path("out").iterdir()) == ["a.gif", "b.png", "c.png"]
    assert images.probe(Path("out/b.png")).several and not images.probe(Path("out/c.png")).several


def test_statistics_shared_take_an_animation_whatever_its_kind(main: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    draw("a.png")
    assert main(command("a.png", "--statistics", "shared")) == 0
    assert main(command("a.png", output="plain")) == 0
    shared, plain = ([frame.pixels for frame in animation_frames(Path(folder, "a.png"), 3)] for folder in ("out", "plain"))
    assert np.abs(shared[0].astype(int) - plain[0]).max() <= 1
    assert np.abs(shared[4].astype(int) - plain[4]).max() > 1


def test_an_interrupted_animation_goes_on(
    main: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    draw("a.gif")
    monkeypatch.setattr(AnimationFile, "part", 2)
    assert main(command("a.gif", output="whole")) == 0
    reads = AnimationFile.read

    def cut_short(self: AnimationFile):
        for number, frame in enumerate(reads(self)):
            if number == 3:
                raise KeyboardInterrupt
            yield frame

    with monkeypatch.context() as patch:
        patch.setattr(AnimationFile, "read", cut_short)
        assert main(command("a.gif")) == 130
    assert not Path("out/a.gif").exists()
    capsys.readouterr()
    assert main(command("a.gif")) == 0
    assert "a.gif: going on with earlier work after 2 of 5 frames" in capsys.readouterr().out
    assert Path("out/a.gif").read_bytes() == Path("whole/a.gif").read_bytes()


def test_nothing_is_kept_of_a_damaged_file(main: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    draw("a.png")
    content = Path("a.png").read_bytes()
    Path("a.png").write_bytes(content[: len(content) - 200])
    assert main(command("a.png")) == 2
    assert "a.png: damaged or cut short" in capsys.readouterr().err
    assert not list(Path("out").iterdir())


def test_finished_parts_outlive_a_want_of_memory(main: Callable[..., int], monkeypatch: pytest.MonkeyPatch) -> None:
    draw("a.gif")
    monkeypatch.setattr(AnimationFile, "part", 2)
    translate, calls = Predictor.translate, list[int]()

    def refusing(self: Predictor, *given: Any, **named: Any) -> Any:
        calls.append(1)
        if len(calls) > 2:
            raise MemoryError
        return translate(self, *given, **named)

    monkeypatch.setattr(Predictor, "translate", refusing)
    assert main(command("a.gif")) == 2
    assert [path.name for path in Path("out").rglob("*.zip")] == ["000000.zip"]


@pytest.mark.parametrize("most", [0, 100, 1000, 6000])
def test_a_full_disk_is_one_line_and_the_work_goes_on_later(
    main: Callable[..., int], most: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the beginning, in a part, or in the result."""
    draw("a.gif")
    monkeypatch.setattr(AnimationFile, "part", 1)
    with files_of_at_most(most):
        assert main(command("a.gif")) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "cannot be written (File too large)" in said and ".tmp" not in said
    assert main(command("a.gif")) == 0
    if most == 6000:
        assert "a.gif: going on with earlier work" in capsys.readouterr().out
    assert [path.name for path in Path("out").iterdir()] == ["a.gif"]
