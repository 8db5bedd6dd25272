"""A method of several domains as a user calls it: train.py, infer.py --to and evaluate --to on folders of classes."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from pictures import NAMES, draw_classes
from PIL import Image
from smoke import smoke_arguments
from tiny_bundles import tiny_bundle

import gan_style
from gan_style.bundles.file import load_bundle
from gan_style.commands.evaluate import evaluate_command
from gan_style.commands.infer import infer_command
from gan_style.commands.running import run_command
from gan_style.commands.train import train_command
from gan_style.conditions import Label
from gan_style.files import images
from gan_style.translation.predictor import Predictor


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a labelled set `set` and a run `run` on it that validates."""
    folder = tmp_path_factory.mktemp("labelled")
    measured = ["train.validate_every=2", "validation.metrics=[kid,structure]", "validation.features=random", "validation.structure=random"]
    steps = ["train.steps=2", "logging.every=1", "logging.samples=2"]
    assert train_command(smoke_arguments("stargan", draw_classes(folder / "set"), folder / "run", *steps, *measured)) == 0
    return folder


@pytest.fixture(autouse=True)
def _inside(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("set", "run"):
        shutil.copytree(trained / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)


def infer(*options: str, model: str = "run") -> int:
    return run_command(lambda: infer_command(["--model", model, "--input", "set/val", "--output", "out", "--device", "cpu", *options]))


def test_a_bundle_knows_its_domains_and_infer_leads_to_the_one_that_is_named() -> None:
    info, _ = load_bundle(Path("run/bundles/a2b.safetensors"))
    assert info.condition == Label(names=NAMES)
    predictor = Predictor.load("run/bundles/a2b.safetensors", "cpu")
    found = {}
    for name in NAMES:
        assert infer("--to", name, "--overwrite") == 0
        found[name] = images.read(Path("out/red/0.png"), 3).pixels
        picture = images.to_tensor(images.read(Path("set/val/red/0.png"), 3).pixels)
        expected = predictor(picture, Label(names=NAMES).of(name)[None])
        assert (images.to_pixels(expected) == found[name]).all()
    assert (found["blue"] != found["green"]).any()


def test_a_folder_with_results_of_another_domain_says_that_it_keeps_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert infer("--to", "green") == 0
    before = Path("out/red/0.png").read_bytes()
    capsys.readouterr()
    assert infer("--to", "blue") == 0
    assert "files that existed in out, whatever model and options made them; --overwrite replaces them" in capsys.readouterr().out
    assert Path("out/red/0.png").read_bytes() == before


def test_several_pictures_at_once_are_led_to_one_domain() -> None:
    assert infer("--to", "green") == 0
    alone = {path: images.read(Path("out") / path, 3).pixels.astype(int) for path in images.find_images(Path("out"))}
    assert infer("--to", "green", "--batch-size", "4", "--overwrite") == 0
    assert all(abs(images.read(Path("out") / path, 3).pixels.astype(int) - pixels).max() <= 1 for path, pixels in alone.items())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "error: --to: give one of blue, green, red"),
        (["--to", "gren"], "error: --to gren: the bundle has no such domain, did you mean 'green'?; it has blue, green, red"),
        (["--to", "green", "--style", "x"], "error: --style: a bundle of stargan takes no style; leave it out"),
        (["--to", "green", "--seed", "1"], "error: --seed: this bundle translates pictures, none is drawn; leave it out"),
    ],
)
def test_a_mistake_is_one_line(options: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert infer(*options) == 2
    assert capsys.readouterr().err.splitlines() == [said]


def test_a_bundle_without_domains_refuses_the_option(capsys: pytest.CaptureFixture[str]) -> None:
    tiny_bundle(Path("plain.safetensors"))
    assert infer("--to", "green", model="plain.safetensors") == 2
    assert capsys.readouterr().err == "error: --to green: a bundle of pix2pix has no domains to choose from; leave it out\n"


def measure(*options: str) -> int:
    sides = ["--model", "run", "--data", "set", "--features", "random", "--structure", "random", "--device", "cpu", "--json", "out.json"]
    return run_command(lambda: evaluate_command([*sides, *options]))


def test_evaluate_has_the_numbers_of_training_and_measures_one_domain_alone(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [json.loads(line) for line in Path("run/metrics.jsonl").read_text().splitlines()]
    logged = {key: value for line in lines for key, value in line.items() if key.startswith("val/")}
    assert measure("--metrics", "kid,structure") == 0
    result = json.loads(Path("out.json").read_text())
    assert {f"val/{name}": value for name, value in result["metrics"].items()} == logged
    assert result["images"] == 6
    assert measure("--metrics", "kid,structure", "--to", "red") == 0
    one = json.loads(Path("out.json").read_text())
    assert one["images"] == 4, "the images of the other domains"
    assert one["metrics"] != result["metrics"]
    capsys.readouterr()
    assert measure("--to", "rde") == 2
    assert capsys.readouterr().err.startswith("error: --to rde: the bundle has no such domain, did you mean 'red'?")
    assert measure("--data-b", "set") == 2
    assert capsys.readouterr().err == "error: --data-b: stargan has one labelled set; leave it out\n"
    shutil.move("set/val/red", "set/val/rose")
    shutil.rmtree("set/train")
    assert measure() == 2
    assert "set: holds images of rose, which the translator does not know (blue, green, red)" in capsys.readouterr().err


def test_too_few_images_to_measure_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    def said(*options: str) -> str:
        assert measure("--metrics", "kid", "--to", "red", *options) == 2
        return capsys.readouterr().err

    least = "error: kid: fid and kid need two images of each domain or more; "
    assert said("--images", "1") == f"{least}raise --images\n"
    shutil.rmtree("set/val/blue")
    next(Path("set/val/green").iterdir()).unlink()
    assert said() == said("--images", "1") == f"{least}add validation images of domains other than red\n"
    next(Path("set/val/red").iterdir()).unlink()
    assert said() == f"{least}add validation images of red\n"


def test_a_grid_shows_every_domain() -> None:
    grid = images.read(Path("run/samples/step_0000002.png"), 3).pixels
    assert grid.shape[1] / grid.shape[0] == pytest.approx(4 / 2, rel=0.15), "two rows of source, blue, green and red"


def test_a_run_whose_set_has_another_class_is_not_gone_on_with(capsys: pytest.CaptureFixture[str]) -> None:
    more = smoke_arguments("stargan", Path("set"), Path("run"), "train.steps=4")
    shutil.copytree("set/train/red", "set/train/white")
    assert run_command(lambda: train_command(more)) == 2
    assert "method.domain_names" in capsys.readouterr().err
    named = [*more, "method.domain_names=[blue,green,red]"]
    assert run_command(lambda: train_command(named)) == 2
    said = capsys.readouterr().err
    assert "method.domain_names: the training images are of blue, green, red, white; give these names, or leave it out" in said


def test_a_bundle_of_before_conditions_has_the_one_of_its_method() -> None:
    tiny_bundle(Path("old.safetensors"))
    info, _ = load_bundle(Path("old.safetensors"))
    assert info.condition is None
    assert Predictor.load("old.safetensors", "cpu").condition.kind == "alone"


def test_a_bundle_with_another_condition_than_its_method_has_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    tiny_bundle(Path("strange.safetensors"), condition={"kind": "label", "names": ["x", "y"]})
    assert infer(model="strange.safetensors") == 2
    assert "strange.safetensors: its metadata has another condition than its translator's configuration" in capsys.readouterr().err


def test_a_program_leads_pictures_to_a_domain_by_its_name() -> None:
    translator = gan_style.load("run", device="cpu")
    assert translator.names == NAMES
    assert infer("--to", "green") == 0
    given = [Image.open(f"set/val/red/{number}.png") for number in range(2)]
    for number, result in enumerate(translator(given, to="green")):
        assert (np.asarray(result) == images.read(Path(f"out/red/{number}.png"), 3).pixels).all()
    with pytest.raises(gan_style.UserError, match=r"^to gren: the bundle has no such domain, did you mean 'green'\?"):
        translator(given[0], to="gren")
    with pytest.raises(gan_style.UserError, match=r"^to: give one of blue, green, red$"):
        translator(given[0], to=3)  # type: ignore[arg-type]
    with pytest.raises(gan_style.UserError, match=r"^to: give one of "):
        translator(given[0])


def test_a_finished_run_of_a_sweep_is_known_although_training_found_the_names(capsys: pytest.CaptureFixture[str]) -> None:
    swept = [*smoke_arguments("stargan", Path("set"), Path("swept"), "train.steps=1", "logging.samples=0"), "--sweep", "train.seed=3"]
    assert train_command(swept) == train_command(swept) == 0
    assert "run 1 of 1: seed=3, finished, step 1" in capsys.readouterr().out
