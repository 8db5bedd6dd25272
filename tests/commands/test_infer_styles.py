"""infer.py with bundles that take styles or noise: the same controls by the same names, and one-line errors for wrong uses."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pictures import draw_folders, draw_styling
from PIL import Image
from smoke import smoke_arguments

import gan_style
from gan_style.commands.infer import infer_command
from gan_style.commands.running import run_command
from gan_style.commands.train import train_command
from gan_style.errors import UserError
from gan_style.files import images

SIZE = 40


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """fast_style/, adain/ and gan/: short trainings; photo.png, style.png, other.png, left.png and right.png (masks)."""
    root = tmp_path_factory.mktemp("styles")
    data = draw_folders(root / "data", train=4)
    for name in ("fast_style", "adain", "gan"):
        steps = ["train.steps=3", "train.checkpoint_every=3", "logging.samples=1"]
        assert train_command(smoke_arguments(name, data, root / name, *steps)) == 0
    draw_styling(root, ("photo", "style", "other"), SIZE)
    Image.fromarray(np.zeros((SIZE, SIZE), np.uint8)).save(root / "black.png")
    return root


def infer(runs: Path, name: str, output: Path, *options: str) -> np.ndarray:
    """The pixels that infer.py makes of photo.png."""
    given = [option.format(runs=runs) for option in options]
    command = ["--model", str(runs / name), "--input", str(runs / "photo.png"), "--output", str(output), "--overwrite", *given]
    assert run_command(lambda: infer_command(command)) == 0
    return np.asarray(Image.open(output / "photo.png"), dtype=np.float64)


STYLES = {"fast_style": ("000s", "001s"), "adain": ("{runs}/style.png", "{runs}/other.png")}
each_stylizer = pytest.mark.parametrize("name", sorted(STYLES))


@each_stylizer
def test_styles_differ_and_mix(name: str, runs: Path, tmp_path: Path) -> None:
    one, two = STYLES[name]
    first, second = (infer(runs, name, tmp_path, "--style", style) for style in (one, two))
    mix = infer(runs, name, tmp_path, "--style", f"{one}:0.5", "--style", f"{two}:0.5")
    assert first.shape == second.shape == (SIZE, SIZE, 3)
    if name == "adain":  # an untrained table of named styles holds the same row twice
        assert np.abs(first - second).max() > 1
        assert np.abs(mix - first).max() > 0.4 and np.abs(mix - second).max() > 0.4
    whole = infer(runs, name, tmp_path, "--style", f"{one}:1", "--style", f"{two}:0") if name == "fast_style" else first
    assert np.array_equal(whole, first)


@each_stylizer
def test_a_style_keeps_to_its_mask_and_the_photo_to_the_rest(name: str, runs: Path, tmp_path: Path) -> None:
    photo = np.asarray(Image.open(runs / "photo.png"), dtype=np.float64)
    masked = infer(runs, name, tmp_path, "--style", STYLES[name][0], "--mask", "{runs}/left.png")
    everywhere = infer(runs, name, tmp_path, "--style", STYLES[name][0])
    half = SIZE // 2
    assert np.abs(masked[:, half:] - photo[:, half:]).max() <= 1
    assert np.abs(masked[:, : half - 8] - everywhere[:, : half - 8]).mean() < np.abs(photo - everywhere)[:, : half - 8].mean()
    both = infer(
        runs,
        name,
        tmp_path,
        "--style",
        STYLES[name][0],
        "--style",
        STYLES[name][1],
        "--mask",
        "{runs}/left.png",
        "--mask",
        "{runs}/right.png",
    )
    assert both.shape == photo.shape


@each_stylizer
def test_luminance_keeps_the_photos_chroma(name: str, runs: Path, tmp_path: Path) -> None:
    photo = np.asarray(Image.open(runs / "photo.png"), dtype=np.float64)
    kept = infer(runs, name, tmp_path, "--style", STYLES[name][0], "--preserve-color", "luminance")
    weights = np.array([0.299, 0.587, 0.114])
    chroma = [pixels - (pixels @ weights)[..., None] for pixels in (photo, kept)]
    assert np.abs(chroma[0] - chroma[1]).max() <= 3
    assert np.abs(photo - kept).max() > 3


@each_stylizer
def test_histogram_keeps_the_photos_colours_on_the_whole(name: str, runs: Path, tmp_path: Path) -> None:
    photo = np.asarray(Image.open(runs / "photo.png"), dtype=np.float64)
    plain = infer(runs, name, tmp_path, "--style", STYLES[name][0])
    kept = infer(runs, name, tmp_path, "--style", STYLES[name][0], "--preserve-color", "histogram")
    assert np.abs(plain - kept).max() > 1
    if name == "fast_style":  # there it is the result that is recoloured
        assert np.abs(kept.mean((0, 1)) - photo.mean((0, 1))).max() < 12


@each_stylizer
def test_no_strength_is_no_style(name: str, runs: Path, tmp_path: Path) -> None:
    full, none = (infer(runs, name, tmp_path, "--style", STYLES[name][0], "--alpha", alpha) for alpha in ("1", "0"))
    if name == "fast_style":
        photo = np.asarray(Image.open(runs / "photo.png"), dtype=np.float64)
        assert np.abs(none - photo).max() <= 1
    else:  # the decoder's picture of the photo's own features, whatever the style
        other = infer(runs, name, tmp_path, "--style", STYLES[name][1], "--strength", "0")
        assert np.array_equal(none, other)
    assert np.abs(full - none).max() > 1


def test_a_style_picture_may_be_resized(runs: Path, tmp_path: Path) -> None:
    """As if its file had that size; a longer side of 1024 pixels is the limit."""
    style = Image.open(runs / "style.png")
    sizes = {"large": (style.width * 3, style.height * 3), "wide": (2048, 32)}
    for name, size in sizes.items():
        style.resize(size).save(tmp_path / f"{name}.png")
    limited = infer(runs, "adain", tmp_path, "--style", f"{tmp_path}/wide.png", "--style-size", "1024")
    assert np.array_equal(limited, infer(runs, "adain", tmp_path, "--style", f"{tmp_path}/wide.png"))
    own = infer(runs, "adain", tmp_path, "--style", f"{tmp_path}/large.png")
    smaller = infer(runs, "adain", tmp_path, "--style", f"{tmp_path}/large.png", "--style-size", "24")
    assert np.abs(own - smaller).max() > 0
    pixels = images.read(tmp_path / "large.png", 3).pixels
    scale = 24 / min(pixels.shape[:2])
    images.write(tmp_path / "small.png", images.resize(pixels, *(round(side * scale) for side in pixels.shape[:2])))
    assert np.array_equal(smaller, infer(runs, "adain", tmp_path, "--style", f"{tmp_path}/small.png"))
    translator, photo = gan_style.load(runs / "adain", device="cpu"), Image.open(runs / "photo.png")
    assert np.array_equal(np.asarray(translator(photo, style=f"{tmp_path}/large.png", style_size=24)), smaller)
    with pytest.raises(ValueError, match="style_size 2000: give a number of pixels from 16 to 1024"):
        translator(photo, style=f"{tmp_path}/large.png", style_size=2000)


def test_samples_are_a_function_of_the_seed_and_their_number(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def samples(folder: str, *options: str) -> dict[str, bytes]:
        output = tmp_path / folder
        assert run_command(lambda: infer_command(["--model", str(runs / "gan"), "--output", str(output), *options])) == 0
        return {path.name: path.read_bytes() for path in sorted(output.iterdir())}

    five = samples("five", "--samples", "5", "--seed", "3", "--batch-size", "2")
    assert list(five) == [f"sample_000{number}.png" for number in range(5)]
    assert len(set(five.values())) == 5
    again = samples("again", "--samples", "7", "--seed", "3", "--batch-size", "2")
    assert {name: again[name] for name in five} == five
    assert samples("other", "--samples", "5", "--seed", "4", "--batch-size", "2") != five
    assert Image.open(tmp_path / "five/sample_0000.png").size == (16, 16)
    (tmp_path / "five/sample_0001.png").unlink()
    capsys.readouterr()
    kept = samples("five", "--samples", "5", "--seed", "4")
    assert kept.keys() == five.keys() and kept["sample_0000.png"] == five["sample_0000.png"]
    said = f"kept: 4 files that existed in {tmp_path}/five, whatever model and options made them; --overwrite replaces them"
    assert said in capsys.readouterr().out.splitlines()


def test_a_mix_may_be_written_longer_than_a_files_name(runs: Path, tmp_path: Path) -> None:
    mix = ",".join(["000s:0.02", "001s:0.02"] * 25)
    assert np.array_equal(
        infer(runs, "fast_style", tmp_path, "--style", mix), infer(runs, "fast_style", tmp_path, "--style", "000s:0.5,001s:0.5")
    )


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("fast_style", ["--style", "002s"], "no such style, did you mean"),
        ("fast_style", [], "give one of 000s, 001s"),
        ("fast_style", ["--style", "000s:0.7,001s:0.7"], "the shares sum to 1.4, not to 1"),
        ("fast_style", ["--style", "000s:much"], "is no number from 0 to 1"),
        ("fast_style", ["--style", "000s:0.5,001s"], "every style a share, or none"),
        ("fast_style", ["--style", "000s", "--strength", "2"], "no number from 0 to 1"),
        ("adain", [], "give a style picture"),
        ("fast_style", ["--style", ""], "--style : the bundle has no such style"),
        ("adain", ["--style", "none.jpg"], "none.jpg: no such file"),
        ("adain", ["--style", ""], "--style : no such file"),
        ("adain", ["--style", "x" * 300], "xxx: no such file"),
        ("adain", ["--style", "x" * 300 + ":0.5"], "xxx:0.5: no such file"),
        ("adain", ["--style", "{runs}/style.png", "--mask", "{runs}/small.png"], "small.png: is 40 x 10 pixels, but"),
        ("adain", ["--style", "{runs}/style.png", "--mask", "{runs}/black.png"], "black everywhere"),
        ("adain", ["--style", "{runs}/style.png", "--mask", "{runs}/left.png", "--mask", "{runs}/right.png"], "2 given for 1 style"),
        ("adain", ["--style", "{runs}/style.png:0.5", "--style", "{runs}/other.png:0.2"], "the shares sum to 0.7"),
        ("adain", ["--samples", "3", "--style", "{runs}/style.png"], "this bundle translates pictures"),
        ("gan", ["--samples", "3"], "makes pictures from noise"),
        ("adain", ["--style", "{runs}/style.png", "--seed", "0"], "--seed: this bundle translates pictures, none is drawn; leave it out"),
        ("adain", ["--style", "{runs}/style.png", "--batch-size", "2"], "--batch-size: pictures are stylized one by one; leave it out"),
        ("adain", ["--style", "{runs}/style.png", "--style-size", "8"], "--style-size: '8' is no whole number from 16 to 1024"),
        (
            "fast_style",
            ["--style", "000s", "--style-size", "64"],
            "--style-size: the bundle knows its styles in the size of their training",
        ),
    ],
)
def test_wrong_uses_are_one_line(
    name: str, options: list[str], words: str, runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [option.format(runs=runs) for option in options]
    command = ["--model", str(runs / name), "--input", str(runs / "photo.png"), "--output", str(tmp_path), *given]
    assert run_command(lambda: infer_command(command)) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert words in line


def test_a_style_is_refused_where_there_is_none(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from tiny import make_run, tiny_config

    assert make_run(tiny_config("pix2pix", tmp_path / "run")).fit() == 0
    command = ["--model", str(tmp_path / "run"), "--input", str(runs / "photo.png"), "--output", str(tmp_path / "out"), "--style", "x"]
    assert run_command(lambda: infer_command(command)) == 2
    assert "--style: a bundle of pix2pix takes no style" in capsys.readouterr().err


def test_the_training_grid_shows_what_infer_makes(runs: Path) -> None:
    """One row: content, style, stylized for adain; content, stylized for fast_style; a sample for gan."""
    widths = {name: Image.open(next((runs / name / "samples").glob("*3.png"))).width for name in ("fast_style", "adain", "gan")}
    assert widths["gan"] < widths["fast_style"] < widths["adain"]


@pytest.mark.parametrize(
    "options",
    [
        ["--style", "dusk"],
        ["--style-size", "64"],
        ["--mask", "{runs}/left.png"],
        ["--preserve-color", "luminance"],
        ["--strength", "0.5"],
        ["--resize", "train"],
        ["--resize", "32"],
        ["--keep-resized"],
    ],
)
def test_options_that_noise_does_not_know_are_refused(
    options: list[str], runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [option.format(runs=runs) for option in options]
    command = ["--model", str(runs / "gan"), "--samples", "2", "--output", str(tmp_path / "out"), *given]
    assert run_command(lambda: infer_command(command)) == 2
    assert f"error: {options[0]}: this bundle makes pictures from noise; leave it out" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_noise_is_drawn_in_half_precision(runs: Path, tmp_path: Path) -> None:
    drawn = {}
    for precision in ("fp32", "bf16"):
        command = ["--model", str(runs / "gan"), "--samples", "1", "--output", str(tmp_path / precision), "--precision", precision]
        assert run_command(lambda: infer_command([*command, "--device", "cpu"])) == 0  # noqa: B023 - called at once
        drawn[precision] = np.asarray(Image.open(tmp_path / precision / "sample_0000.png")).astype(float)
    assert 0 < np.abs(drawn["fp32"] - drawn["bf16"]).mean() < 10


@each_stylizer
def test_a_program_gets_the_same_pictures(name: str, runs: Path, tmp_path: Path) -> None:
    translator, photo = gan_style.load(runs / name, device="cpu"), Image.open(runs / "photo.png")
    one, two = (style.format(runs=runs) for style in STYLES[name])
    for style, options in (
        (one, ["--style", one]),
        ([one, two], ["--style", f"{one}:0.5", "--style", f"{two}:0.5"]),
        ({one: 0.7, two: 0.3}, ["--style", f"{one}:0.7", "--style", f"{two}:0.3"]),
    ):
        assert np.array_equal(np.asarray(translator(photo, style=style)), infer(runs, name, tmp_path, *options))
    kept = infer(runs, name, tmp_path, "--style", one, "--strength", "0.4", "--preserve-color", "luminance")
    assert np.array_equal(np.asarray(translator(photo, style=one, strength=0.4, preserve_color="luminance")), kept)
    with pytest.raises(UserError, match=r"^style"):
        translator(photo, style="nothing")
    if name == "fast_style":
        assert translator.names == STYLES[name]
        with pytest.raises(UserError, match=r"^style: give one of 000s, 001s"):
            translator(photo)
    else:
        assert np.array_equal(np.asarray(translator(photo, style=Image.open(one))), infer(runs, name, tmp_path, "--style", one))


def test_a_program_gets_the_same_noise(runs: Path, tmp_path: Path) -> None:
    translator = gan_style.load(runs / "gan", device="cpu")
    assert infer_command(["--model", str(runs / "gan"), "--samples", "3", "--seed", "4", "--output", str(tmp_path)]) == 0
    drawn = translator.samples(3, seed=4)
    number: Any = np.int64(4)
    assert drawn == translator.samples(3, seed=number)
    assert all(np.array_equal(np.asarray(Image.open(tmp_path / f"sample_{i:04d}.png")), np.asarray(drawn[i])) for i in range(3))
    with pytest.raises(ValueError, match="makes pictures from noise: call samples"):
        translator(drawn[0])
