"""Label maps from the files to the picture: found by train.py, kept with the run, shown class by class by infer.py too."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image, ImageDraw
from smoke import ROOT, smoke_arguments

from gan_style.bundles.file import load_bundle
from gan_style.commands.train import train_command
from gan_style.engine import run_classes as classes
from gan_style.errors import UserError
from gan_style.translation.inputs import Job
from gan_style.translation.picture import read_source

PALETTE = [(0, 0, 0), (128, 64, 128), (70, 70, 70)]
COLOURS = ["#000000", "#464646", "#804080"]


def draw_streets(root: Path, classes: int = 3, train: int = 3) -> Path:
    """Pairs of palette label maps with blocks of classes, and pictures of their colours."""
    for split, count in (("train", train), ("val", 2)):
        for number in range(count):
            blocks = np.random.default_rng(number).integers(0, classes, (3, 3)).astype(np.uint8).repeat(8, 0).repeat(8, 1)
            blocks[0, :classes] = range(classes)
            image = Image.fromarray(blocks, mode="P")
            image.putpalette([value for colour in PALETTE for value in colour])
            for domain, picture in (("A", image), ("B", image.convert("RGB"))):
                (root / f"{split}{domain}").mkdir(parents=True, exist_ok=True)
                picture.save(root / f"{split}{domain}" / f"{number}.png")
    return root


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return draw_streets(tmp_path / "data")


def arguments(data: Path, run_dir: Path, *overrides: str) -> list[str]:
    return smoke_arguments("pix2pixhd", data, run_dir, "logging.samples=1", "train.steps=2", *overrides)


def colours_of(run_dir: Path) -> list[str] | None:
    return yaml.safe_load((run_dir / "config.yaml").read_text())["method"]["labels"]["colours"]


def test_classes_are_found_kept_and_served(data: Path, tmp_path: Path, main: Callable[[Sequence[str]], int]) -> None:
    run_dir = tmp_path / "run"
    assert train_command(arguments(data, run_dir, "method.labels.edges=labels")) == 0
    assert colours_of(run_dir) == COLOURS
    info, weights = load_bundle(run_dir / "bundles/a2b.safetensors")
    assert info.translator["labels"] == {"one_hot": True, "colours": COLOURS, "edges": "labels"}
    assert weights["generator.coarse.stem.conv.weight"].shape[1] == 3 + 1
    command = ["--model", str(run_dir), "--input", str(data / "valA"), "--output", str(tmp_path / "out"), "--resize", "train"]
    assert main([*command, "--keep-resized"]) == 0
    served = np.asarray(Image.open(tmp_path / "out/0.png"))
    grid = np.asarray(Image.open(run_dir / "samples/step_0000002.png"))
    assert any(np.array_equal(grid[top : top + 16, left : left + 16], served) for top in range(6) for left in range(grid.shape[1] - 15))


def test_the_same_command_goes_on_without_reading_all_again(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_dir = tmp_path / "run"
    assert train_command(arguments(data, run_dir, "train.steps=1")) == 0

    def refuse(*_: object) -> list[str]:
        raise AssertionError("the label maps were read again")

    monkeypatch.setattr(classes, "find_colours", refuse)
    assert train_command(arguments(data, run_dir)) == 0
    listed = f"method.labels.colours={COLOURS}"
    assert train_command(arguments(data, run_dir, listed, "train.steps=3")) == 0, "the same classes, by name"
    with pytest.raises(UserError, match=r"another configuration: method\.labels\.colours"):
        train_command(arguments(data, run_dir, f"method.labels.colours={COLOURS[:2]}"))


def test_other_data_is_another_run(data: Path, tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    assert train_command(arguments(data, run_dir)) == 0
    fewer = draw_streets(tmp_path / "fewer", classes=2)
    with pytest.raises(UserError, match=r"data\.root: .*another content in 3 of 3 images"):
        train_command(arguments(fewer, run_dir))


def test_a_changed_set_that_is_accepted_keeps_the_classes(data: Path, tmp_path: Path) -> None:
    """The networks have them. A pixel of a new colour belongs to the nearest class."""
    run_dir, changed = tmp_path / "run", tmp_path / "changed"
    assert train_command(arguments(data, run_dir)) == 0
    shutil.copytree(data, changed)
    for domain in "AB":
        shutil.copy(changed / f"train{domain}/0.png", changed / f"train{domain}/9.png")
    with Image.open(changed / "trainA/9.png") as image:
        image.putpalette([channel // 2 + 60 for channel in image.getpalette() or []])
        image.save(changed / "trainA/9.png")
    assert train_command(arguments(changed, run_dir, "train.steps=4", "data.changed=accept")) == 0
    assert colours_of(run_dir) == COLOURS


def test_a_damaged_configuration_of_the_run_is_named(data: Path, tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    assert train_command(arguments(data, run_dir)) == 0
    path = run_dir / "config.yaml"
    path.write_text(path.read_text().replace("#464646", "gray"))
    with pytest.raises(UserError, match=r"another configuration: method\.labels\.colours"):
        train_command(arguments(data, run_dir))


def test_switched_off_and_pictures(data: Path, tmp_path: Path) -> None:
    assert train_command(arguments(data, tmp_path / "off", "method.labels.one_hot=false")) == 0
    assert colours_of(tmp_path / "off") is None
    assert train_command(arguments(data, tmp_path / "b2a", "method.direction=b2a")) == 0
    assert colours_of(tmp_path / "b2a") is None
    photos = arguments(data, tmp_path / "other", "method.direction=b2a")
    with pytest.raises(UserError, match=r"method\.labels\.colours: the inputs are not read as label maps; set data\.domain_b\.labels=yes"):
        train_command([*photos, f"method.labels.colours={COLOURS}"])
    with pytest.raises(UserError, match=r"data\.domain_b\.labels=yes"):
        train_command([*photos, "method.labels.edges=labels"])


def test_objects_in_the_alpha_channel(tmp_path: Path) -> None:
    data = draw_streets(tmp_path / "data")
    for path in sorted(data.glob("*A/*.png")):
        image = np.asarray(Image.open(path).convert("RGBA")).copy()
        image[..., 3] = np.arange(24)[:, None] // 3
        Image.fromarray(image).save(path)
    alpha = ["data.domain_a.channels=4", "data.domain_a.labels=yes", "method.labels.edges=alpha"]
    assert train_command(arguments(data, tmp_path / "run", *alpha)) == 0
    assert colours_of(tmp_path / "run") == COLOURS
    assert load_bundle(tmp_path / "run/bundles/a2b.safetensors")[0].in_channels == 4


def test_other_edges_are_another_run(data: Path, tmp_path: Path) -> None:
    """And not colours of the wrong length, which the user never named."""
    run_dir = tmp_path / "run"
    assert train_command(arguments(data, run_dir)) == 0
    with pytest.raises(UserError, match=r"another configuration: .*method\.labels\.edges: none -> alpha"):
        train_command(arguments(data, run_dir, "method.labels.edges=alpha", "data.domain_a.channels=4", "data.domain_a.labels=yes"))


def test_the_smoke_configuration_of_spade_trains_resumes_and_serves(
    data: Path, tmp_path: Path, main: Callable[[Sequence[str]], int]
) -> None:
    """With everything that its paper has: batch statistics, spectral normalisation, hinge, two learning rates; and edges."""
    sizes = ["data.load_size=20", "data.crop_size=16", "method.generator.num_downs=2", "method.discriminator.num_layers=1"]
    command = [f"--config={ROOT}/configs/smoke/spade.yaml", f"data.root={data}", *sizes, "logging.every=1"]
    straight, halved = tmp_path / "straight", tmp_path / "halved"
    assert train_command([*command, f"run_dir={straight}", "train.steps=3"]) == 0
    for steps in (1, 3):
        assert train_command([*command, f"run_dir={halved}", f"train.steps={steps}"]) == 0
    bundle = "bundles/a2b.safetensors"
    assert (straight / bundle).read_bytes() == (halved / bundle).read_bytes()
    assert main(["--model", str(straight), "--input", str(data / "valA"), "--output", str(tmp_path / "out")]) == 0
    assert Image.open(tmp_path / "out/1.png").size == (24, 24)


def test_a_dry_run_shows_the_classes(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train_command([*arguments(data, tmp_path / "run"), "--dry-run"]) == 0
    assert "'#804080'" in capsys.readouterr().out
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("method", ["pix2pixhd", "pix2pix"])
def test_masks_saved_as_jpeg_train_and_translate_by_their_nearest_class(
    method: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two values in a JPEG are thirteen; the run finds the two, keeps them, goes on with them, and the bundle reads masks as it did."""
    root = tmp_path / "data"
    mask = Image.new("L", (64, 64))
    ImageDraw.Draw(mask).ellipse((10, 12, 50, 44), fill=255)
    for split in ("train", "val"):
        for domain, suffix in (("A", "jpg"), ("B", "png")):
            (root / f"{split}{domain}").mkdir(parents=True)
            mask.convert("RGB").save(root / f"{split}{domain}" / f"0.{suffix}", quality=90)
    run_dir = tmp_path / "run"
    arguments = [*smoke_arguments(method, root, run_dir), "data.domain_a.labels=nearest", "logging.samples=0"]
    for steps in (1, 2):
        assert train_command([*arguments, f"train.steps={steps}"]) == 0
    saved = yaml.safe_load((run_dir / "config.yaml").read_text())
    assert saved["data"]["domain_a"]["colours"] == ["#000000", "#ffffff"]
    if method == "pix2pixhd":
        assert saved["method"]["labels"]["colours"] == ["#000000", "#ffffff"]
    info, _ = load_bundle(run_dir / "bundles" / "a2b.safetensors")
    assert (info.labels, info.colours) == ("nearest", ["#000000", "#ffffff"])
    job = Job(root / "valA" / "0.jpg", tmp_path / "0.png")
    assert set(np.unique(read_source(job, info, "none").pixels)) == {0, 255}


def test_nearest_keeps_clean_class_numbers_and_says_what_it_did(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in sorted(data.glob("*A/*.png")):
        with Image.open(path) as image:
            numbers = np.asarray(image).copy()
        Image.fromarray(numbers).save(path)
    run_dir = tmp_path / "run"
    gray = ["data.domain_a.channels=1", "data.domain_a.labels=nearest"]
    assert train_command(arguments(data, run_dir, *gray)) == 0
    assert colours_of(run_dir) == ["#00", "#01", "#02"]
    said = capsys.readouterr()
    assert "domain A: labels: nearest made 3 classes of 3 colours and moved 0 % of the pixels" in said.out
    assert "warning: domain A" not in said.out + said.err, "classes are seen whatever their numbers"


def test_nearest_on_photos_is_refused(tmp_path: Path) -> None:
    data = draw_streets(tmp_path / "data")
    for number, path in enumerate(sorted(data.glob("*B/*.png"))):
        noise = np.random.default_rng(number).integers(0, 256, (24, 24, 3), np.uint8)
        Image.fromarray(noise).save(path)
    with pytest.raises(UserError, match=r"data\.domain_b\.labels: nearest finds .* no label maps"):
        train_command(arguments(data, tmp_path / "run", "data.domain_b.labels=nearest"))
