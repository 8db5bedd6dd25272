"""infer.py on videos, as a user calls it."""

import os
import signal
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import warm
from full_disk import files_of_at_most
from smoke import ROOT
from tiny_bundles import UNET_BATCH, pixels, tiny_bundle
from videos import UNEVEN, draw_frame, draw_video, heard, shown

from gan_style.files import images
from gan_style.files.video.codecs import CODECS
from gan_style.translation.predictor import Predictor


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tiny_bundle(Path("a2b.safetensors"), seed=1)


def command(*options: str, input: str = "clip.mp4", output: str = "out", model: str = "a2b.safetensors") -> list[str]:
    return ["--model", model, "--input", input, "--output", output, "--device", "cpu", *options]


def errors(captured: pytest.CaptureFixture[str]) -> str:
    """The one line on stderr."""
    lines = captured.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: "), lines
    return lines[0]


def translated(frames: list[np.ndarray]) -> list[np.ndarray]:
    predictor = Predictor.load("a2b.safetensors", "cpu")
    return [images.to_pixels(predictor(images.to_tensor(frame))) for frame in frames]


def test_a_video_keeps_its_times_its_form_and_its_sound(main: Callable[..., int]) -> None:
    draw_video(Path("clip.mp4"), sound="aac", times=UNEVEN, turn=90, shape=Fraction(4, 3), matrix=1, range=2)
    assert main(command()) == 0
    before, after = shown(Path("clip.mp4")), shown(Path("out/clip.mp4"))
    assert after.seconds == before.seconds
    assert after.facts == before.facts | {"codec": "h264"} and after.facts["turn"] == 90
    assert heard(Path("out/clip.mp4")) == heard(Path("clip.mp4"))
    assert not Path("out/.frames").exists()


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_frames_are_translated_upright(main: Callable[..., int], turn: int) -> None:
    draw_video(Path("clip.mkv"), turn=turn, codec="ffv1", pixels="bgr0")
    assert main(command("--codec", "ffv1", input="clip.mkv")) == 0
    upright = [np.ascontiguousarray(np.rot90(frame, turn // 90)) for frame in shown(Path("clip.mkv")).frames]
    for frame, expected in zip(shown(Path("out/clip.mkv")).frames, translated(upright), strict=True):
        np.testing.assert_array_equal(np.rot90(frame, turn // 90), expected)


def test_an_odd_size_is_kept(main: Callable[..., int]) -> None:
    draw_video(Path("clip.webm"), size=(33, 47), codec="libvpx-vp9")
    assert main(command(input="clip.webm")) == main(command("--codec", "h264", input="clip.webm")) == 0
    assert shown(Path("out/clip.webm")).facts["size"] == shown(Path("out/clip.mkv")).facts["size"] == (33, 47)
    assert shown(Path("out/clip.webm")).facts["codec"] == "vp9"


def test_more_than_8_bits_are_kept(main: Callable[..., int]) -> None:
    draw_video(Path("clip.mp4"), pixels="yuv420p10le")
    assert main(command()) == 0
    assert shown(Path("out/clip.mp4")).facts["format"] == "yuv420p10le"


def test_sound_that_the_container_does_not_take_is_named(main: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    draw_video(Path("old.avi"), sound="ac3", codec="mpeg4")
    assert main(command(input="old.avi")) == 0
    assert heard(Path("out/old.mkv")) and "lacks" not in capsys.readouterr().out, "Matroska takes nearly any"
    draw_video(Path("clip.mkv"), sound="aac").rename("clip.webm")
    assert main(command(input="clip.webm")) == 0
    assert "clip.webm: the result lacks sound (aac)" in capsys.readouterr().out
    assert len(shown(Path("out/clip.webm")).frames) == 10


@pytest.mark.parametrize(
    ("name", "codec", "pixels_"), [("clip.mov", "png", "rgba"), ("clip.mkv", "ffv1", "bgra"), ("clip.webm", "libvpx-vp9", "yuva420p")]
)
def test_alpha_that_is_lost_is_named(
    main: Callable[..., int], name: str, codec: str, pixels_: str, capsys: pytest.CaptureFixture[str]
) -> None:
    draw_video(Path(name), codec=codec, pixels=pixels_)
    assert main(command(input=name)) == 0
    assert f"{name}: the result lacks its alpha" in capsys.readouterr().out.splitlines()
    draw_video(Path("clip.mp4"))
    assert main(command()) == 0
    assert "lacks" not in capsys.readouterr().out


def test_an_encoder_says_nothing_of_its_own(main: Callable[..., int], capfd: pytest.CaptureFixture[str]) -> None:
    draw_video(Path("clip.mp4"), size=(66, 66), frames=2)
    for codec in CODECS:
        assert main(command("--codec", codec, output=codec)) == 0
    assert capfd.readouterr().err == ""


def test_frames_at_the_size_of_training(main: Callable[..., int]) -> None:
    draw_video(Path("clip.mp4"), size=(48, 96))
    assert main(command("--resize", "train", "--keep-resized")) == 0
    facts = shown(Path("out/clip.mp4")).facts
    assert facts["size"] == (32, 32) and facts["shape"] == 2, "a square of pixels, each twice as wide as high"


def test_other_files_go_on_and_bad_ones_are_named(main: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    draw_video(Path("in/good.mp4"))
    images.write(Path("in/picture.png"), pixels(20, 20))
    Path("in/text.mp4").write_text("no video")
    assert main(command(input="in")) == 2
    said = capsys.readouterr()
    assert "1 image, 2 videos" in said.out and "2 translated, 0 skipped (exist), 1 failed -> out" in said.out
    assert said.err.startswith("error: in/text.mp4: is no video that can be read")
    assert sorted(path.name for path in Path("out").iterdir()) == ["good.mp4", "picture.png"]


def test_shared_statistics_make_frames_of_a_still_scene_equal(main: Callable[..., int]) -> None:
    still = [draw_frame(0)] * 3 + [255 - draw_frame(0)] * 3
    draw_video(Path("clip.mkv"), drawn=still, codec="ffv1", pixels="bgr0")
    assert main(command("--codec", "ffv1", "--statistics", "shared", input="clip.mkv")) == 0
    frames = shown(Path("out/clip.mkv")).frames
    expected = translated([still[0], still[3]])
    for number, frame in enumerate(frames):  # a cut after three frames: the statistics of the fourth are its own
        assert np.abs(frame.astype(int) - expected[number // 3]).max() <= 1


MISTAKES = {
    "--crf: has no effect without a video": (["--crf", "20"], "picture.png"),
    "--statistics shared: has no effect without a video": (["--statistics", "shared"], "picture.png"),
    "--crf 60: libx264 has 0 to 51, and encodes clip.mp4": (["--crf", "60"], "clip.mp4"),
    "--crf 20: ffv1 loses nothing": (["--crf", "20", "--codec", "ffv1"], "clip.mp4"),
    "--codec: 'libx26' is none of": (["--codec", "libx26"], "clip.mp4"),
    "--format: has no effect without a picture": (["--format", "jpg"], "clip.mp4"),
    "--png-compression: has no effect without a picture": (["--png-compression", "3"], "clip.mp4"),
    "--statistics local: clip.mp4 is a video": (["--statistics", "local"], "clip.mp4"),
    "--pyramid: clip.mp4 is a video": (["--pyramid"], "clip.mp4"),
    "--tile 64: statistics that frames share": (["--tile", "64", "--statistics", "shared"], "clip.mp4"),
    "--compile: statistics that frames share": (["--compile", "--statistics", "shared"], "clip.mp4"),
    "--statistics shared: the network does not normalise": (["--statistics", "shared", "--model", "none.safetensors"], "clip.mp4"),
    "clip.mp4: its frames claim 48 x 32, more than the 1000 pixels": (["--max-pixels", "1000"], "clip.mp4"),
}


@pytest.mark.parametrize("message", MISTAKES)
def test_mistakes_are_one_line(main: Callable[..., int], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    draw_video(Path("clip.mp4"), frames=2)
    images.write(Path("picture.png"), pixels(20, 20))
    tiny_bundle(Path("none.safetensors"), UNET_BATCH | {"norm": "none"})
    options, file = MISTAKES[message]
    given = command(*options, input=file)
    if "--model" in options:
        given = given[2:]
    assert main(given) == 2
    assert message in errors(capsys)


def test_a_missing_library_is_one_line(
    main: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    draw_video(Path("clip.mp4"), frames=2)
    monkeypatch.setitem(sys.modules, "av", None)
    assert main(command()) == 2
    assert "clip.mp4: is a video, which needs PyAV" in (said := errors(capsys)) and "pip install 'gan_style[video]'" in said


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize("how", ["image", "shared"])
def test_a_killed_run_goes_on_with_its_finished_parts(main: Callable[..., int], how: str, capsys: pytest.CaptureFixture[str]) -> None:
    draw_video(Path("clip.mp4"), frames=400, sound="aac", times=[512 * n + n % 3 for n in range(400)])
    options = ["--statistics", how]
    assert main(command(*options, output="whole")) == 0
    process = warm.start([str(ROOT / "infer.py"), *command(*options)], Path.cwd(), stdout=Path("said"), stderr=Path("err"))
    with warm.ended(process):
        deadline = time.monotonic() + 60
        while not (parts := list(Path("out").glob(".frames/*/000000.packets"))) and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait(60)
    assert not Path("out/clip.mp4").exists(), "it was killed before its end"
    Path("kept").hardlink_to(parts[0])
    capsys.readouterr()
    assert main(command(*options)) == 0
    assert "clip.mp4: going on with earlier work after" in capsys.readouterr().out
    assert Path("kept").stat().st_nlink == 1 and Path("kept").stat().st_mtime_ns, "the part was used, and removed at the end"
    assert Path("out/clip.mp4").read_bytes() == Path("whole/clip.mp4").read_bytes()
    assert not Path("out/.frames").exists()


def test_earlier_work_with_other_options_begins_anew(main: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    draw_video(Path("clip.mp4"), frames=100)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gan_style.translation.moving_files.join", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        assert main(command()) == 130
    assert list(Path("out").glob(".frames/*/000001.packets"))
    assert main(command("--crf", "30")) == 0
    assert "going on" not in capsys.readouterr().out and len(shown(Path("out/clip.mp4")).frames) == 100


@pytest.mark.parametrize("most", [0, 100, 2000, 12_000])
def test_a_full_disk_is_one_line_and_the_work_goes_on_later(
    main: Callable[..., int], most: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """At the beginning, in a part, or in the result."""
    draw_video(Path("clip.mp4"), sound="aac")
    with files_of_at_most(most):
        assert main(command()) == 2
    said = errors(capsys)
    assert "cannot be written (File too large)" in said and ".tmp" not in said
    assert main(command()) == 0
    if most == 12_000:
        assert "clip.mp4: going on with earlier work" in capsys.readouterr().out
    assert [path.name for path in Path("out").iterdir()] == ["clip.mp4"]
