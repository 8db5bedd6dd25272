"""`gan-style train FOLDER`: from a folder to a translator and its pictures, without a recipe."""

import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from pictures import draw, draw_classes, draw_folders
from PIL import Image
from recipes import load
from runs import networks

from gan_style.__main__ import run
from gan_style.commands.train import train_command
from gan_style.errors import UserError

SIZE = 40
TINY = ["data.workers=0", "data.crop_size=32", "method.generator.base_channels=4", "logging.every=1"]
TINY_GAN = [*TINY, "method.discriminator.base_channels=4"]


def photos(folder: Path, count: int, first: int = 50) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        Image.fromarray(draw(number, SIZE)).save(folder / f"{number}.png")
    return folder


def pairs(root: Path) -> Path:
    return draw_folders(root, train=4, val=2, size=SIZE)


def unpaired(root: Path) -> Path:
    for number, name in enumerate(("trainA", "trainB", "valA", "valB")):
        photos(root / name, 3, 20 * number)
    return root


def forty(root: Path) -> Path:
    return draw_folders(root, train=40, val=0, size=SIZE)


def styled(root: Path) -> Path:
    photos(root / "styles", 2, 1)
    return photos(root / "photos", 20).parent


def gray(root: Path) -> Path:
    for path in pairs(root).rglob("*.png"):
        Image.open(path).convert("L").save(path)
    return root


def label_maps(root: Path) -> Path:
    for path in [path for path in pairs(root).rglob("*.png") if path.parent.name.endswith("A")]:
        areas = np.kron(draw(int(path.stem), 5) // 128 * 100, np.ones((8, 8, 1))).astype(np.uint8)
        Image.fromarray(areas).save(path)
    return root


def classes(root: Path) -> Path:
    for path in draw_classes(root, train=3, val=2).rglob("*.png"):
        Image.open(path).resize((SIZE, SIZE)).save(path)
    return root


def one_kind(root: Path) -> Path:
    return photos(root, 20)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs lie in a folder of the test."""
    monkeypatch.chdir(tmp_path)


def train(*words: str) -> None:
    assert train_command([*words]) == 0


@pytest.mark.parametrize(
    ("draw_data", "method", "told", "keys"),
    [
        (pairs, "pix2pix", "the names in trainA/ and trainB/ agree (if they are no pairs: method.name=cyclegan)", {"hold_out": 0}),
        (unpaired, "cyclegan", "the names in the folders of A and B differ", {"hold_out": 0}),
        (forty, "pix2pix", "4 held out of the training images", {"hold_out": 4}),
        (styled, "fast_style", "style pictures lie in styles/, photographs in photos/; 20 images, 40 x 40", {"root": "data/photos"}),
        (gray, "pix2pix", "A: 4 gray images, 40 x 40; B: 4 gray images", {"domain_a.channels": 1, "domain_b.channels": 1}),
        (label_maps, "pix2pix", "A: 4 label maps of", {"domain_a.labels": "yes", "domain_b.labels": "auto"}),
        (classes, "stargan", "train/ holds a folder of images for each of 3 classes", {"root": "data"}),
        (one_kind, "gan", "it holds images of one kind (to give photographs a style: into one folder, as photos/, ", {"hold_out": 2}),
    ],
    ids=["pairs", "unpaired", "40-pairs", "styles", "gray", "label-maps", "classes", "one-kind"],
)
def test_a_folder_becomes_a_translator_and_its_pictures(
    draw_data: Callable[[Path], Path], method: str, told: str, keys: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    draw_data(Path("data"))
    smaller = {"fast_style": TINY, "stargan": [*TINY_GAN, "method.discriminator.num_layers=3"]}
    train("data", "train.steps=2", *smaller.get(method, TINY_GAN))
    said = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in said[:5]] == ["folder", "method", "size", "time", "measured"]
    assert any(told in line for line in said[:5]) and f"method      {method}, recipe " in said[1]
    config = yaml.safe_load(Path("runs/data/config.yaml").read_text())
    assert config["method"]["name"] == method
    for key, value in keys.items():
        section, _, last = key.rpartition(".")
        assert (config["data"][section] if section else config["data"])[last] == value
    if method == "fast_style":
        assert [*config["method"]["styles"]] == ["1", "2"], "and none of the recipe's"
    picture, command = said[-2:]
    assert Path(picture.removeprefix("picture: ").split(" (")[0]) == Path("runs/data/samples/step_0000002.png")
    assert Path("runs/data/samples/step_0000002.png").is_file()
    program, *arguments = shlex.split(command.removeprefix("try: "))
    assert program == "gan-style" and run(arguments) == 0
    assert any(Path("runs/data/translated").rglob("*.png"))


def test_the_choice_is_a_recipe_which_the_same_command_goes_on_with(capsys: pytest.CaptureFixture[str]) -> None:
    pairs(Path("data"))
    train("data", "train.steps=1", *TINY_GAN)
    chosen = Path("runs/data/config.yaml")
    config = load(chosen)
    assert (config.data.root, config.train.steps, config.method.generator.base_channels) == ("data", 1, 4)
    train(f"--config={chosen}", "--dry-run")
    for folder in ("data/valA", "data/valB"):  # the rules would now choose otherwise
        shutil.rmtree(folder)
    capsys.readouterr()
    train("data", "train.steps=2", "train.validate_every=null", "validation.best=null")
    said = capsys.readouterr().out
    assert "goes on by runs/data/config.yaml; the folder is not looked at again" in said and "finished: 2 of 2 steps" in said
    assert load(chosen).train.steps == 2


def test_the_steps_that_are_measured_leave_no_trace() -> None:
    pairs(Path("data"))
    train("data", "train.steps=2", *TINY_GAN)
    train("--config=runs/data/config.yaml", "run_dir=runs/again")
    assert networks(Path("runs/data"), 2) == networks(Path("runs/again"), 2)


def test_a_method_that_measures_training_images_has_them_before_the_choice_too() -> None:
    styled(Path("data"))
    train("data", "train.steps=2", *TINY, "method.vgg.normalised=true", "method.relative=true")
    assert Path("runs/data/bundles/a2b.safetensors").is_file()


def test_another_folder_does_not_go_on_with_the_run() -> None:
    for name in ("data", "other/data"):
        pairs(Path(name))
    train("data", "train.steps=1", *TINY_GAN)
    with pytest.raises(UserError, match=r"run_dir runs/data: holds a run on data; add run_dir=runs/NAME for a run on other/data"):
        train_command(["other/data", "train.steps=1", *TINY_GAN])
    train("other/data", "train.steps=1", "run_dir=runs/other", *TINY_GAN)
    assert Path("runs/other/bundles/a2b.safetensors").is_file()


def test_another_folder_is_told_before_a_length_that_does_not_fit() -> None:
    for name in ("data", "other/data"):
        pairs(Path(name))
    train("data", "train.steps=1", *TINY_GAN)
    with pytest.raises(UserError, match=r"run_dir runs/data: holds a run on data; add run_dir=runs/NAME for a run on other/data"):
        train_command(["other/data", "--minutes", "1", *TINY_GAN])


def test_side_by_side_files_are_split_before_their_inputs_are_translated(capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(3):
        path = Path("data/train", f"{number}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.concatenate([draw(number, SIZE), draw(number + 9, SIZE)], axis=1)).save(path)
    train("data", "train.steps=1", *TINY_GAN)
    split, infer = capsys.readouterr().out.splitlines()[-1].removeprefix("try: ").split(" && ")
    for command in (split, infer):
        assert run(shlex.split(command)[1:]) == 0
    assert {Image.open(path).size for path in Path("runs/data/translated").iterdir()} == {(SIZE, SIZE)}


def test_files_that_are_left_out_are_counted_once(capsys: pytest.CaptureFixture[str]) -> None:
    one_kind(Path("data"))
    for name in ("a.txt", "b.csv"):
        Path("data", name).write_text("text")
    train("data", "train.steps=1", "--dry-run", *TINY_GAN)
    assert "\n# left out    1 .csv, 1 .txt\n" in capsys.readouterr().out


def test_minutes_are_kept_and_their_last_step_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    pairs(Path("data"))
    train("data", "--minutes", "0.03", *TINY_GAN)
    config = load(Path("runs/data/config.yaml"))
    assert (config.train.minutes, config.train.steps, config.validation.best) == (0.03, None, "ssim")
    said = capsys.readouterr().out
    assert "steps fit into 0.03 min, and" in said and "finished: " in said
    steps = int(said.partition("finished: ")[2].split()[0])
    assert f"step {steps}: validation: " in said and Path("runs/data/bundles/best_a2b.safetensors").is_file()


def test_a_dry_run_shows_the_choice_and_trains_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    pairs(Path("data"))
    train("data", "--minutes=0.05", "--dry-run", *TINY_GAN)
    said = capsys.readouterr().out
    assert said.startswith("# folder      data: ") and "\n# length      " in said and "picture:" not in said
    assert not Path("runs").exists()
    Path("mine.yaml").write_text(said)
    train("--config=mine.yaml", "train.minutes=null", "train.steps=1", "run_dir=mine")
    assert load(Path("mine/config.yaml")).data.root == "data"


@pytest.mark.parametrize(
    ("overrides", "network"),
    [
        (["method.name=cut", *TINY_GAN, "method.num_patches=8"], "resnet"),
        (
            [
                "method.name=pix2pixhd",
                *(each for each in TINY_GAN if "crop" not in each),
                "data.load_size=40",
                "method.discriminator.num_scales=1",
                "method.discriminator.num_layers=1",
            ],
            "global",
        ),
        (["method.generator.name=resnet", "method.generator.num_blocks=1", *TINY_GAN], "resnet"),
        (["method.generator={name: resnet, base_channels: 4, num_blocks: 1}", *TINY_GAN[:2], *TINY_GAN[4:]], "resnet"),
    ],
    ids=["cut", "pix2pixhd", "network", "section"],
)
def test_what_the_user_sets_wins_and_has_rules_of_its_own(overrides: list[str], network: str) -> None:
    pairs(Path("data"))
    train("data", "train.steps=1", "--dry-run", *overrides)
    train("data", "train.steps=1", *overrides)
    method = load(Path("runs/data/config.yaml")).method
    assert (method.generator.name, method.generator.base_channels) == (network, 4)


def test_folders_and_keys_that_do_not_fit_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs(Path("data"))
    Path("empty").mkdir()
    Path("list.csv").write_text("a,b\n")
    photos(Path("only/trainA"), 2)
    for path in photos(Path("small"), 3).iterdir():
        Image.open(path).resize((20, 20)).save(path)
    for words, message in {
        "empty": "empty: holds no image; check the path",
        "only": "trainB: no such folder",
        "small": "its images are too small, 20 x 20; give images of 32 pixels or more",
        "nowhere": "no such folder; check the path",
        "list.csv": "is no folder; if it is a manifest, train by --config RECIPE data.root=",
        "data empty": "'empty' is not an override",
        "data --config fast": "with --config, a folder is data.root='data'",
        "${NO_SUCH}/data": "FOLDER: ",
        "cyclgan": "no such folder, did you mean 'cyclegan'?",
        "--config fast --minutes 3": "--minutes: has no effect without FOLDER",
        "data --minutes 3 train.steps=4": "--minutes: train.steps sets the length too",
        "data --sweep train.seed=0,1": "--sweep: needs --config",
        "data data.root=empty": "data.root: the folder data is data.root; leave one of them out",
        "data method.name=pix3pix": "'pix3pix' is not a method, did you mean 'pix2pix'",
        "data train.step=4": "train.step",
        "cyclegan": "the name of a recipe: --config cyclegan",
        "small method.name=pix2pix": "it holds images of one kind, and pix2pix needs pairs",
    }.items():
        with pytest.raises(UserError) as caught:
            train_command(words.split())
        assert message in str(caught.value) and "\n" not in str(caught.value), words
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UserError, match="one process chooses a recipe; write it with --dry-run"):
        train_command(["data"])


def test_a_demo_set_is_drawn_when_it_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    train("data/demo/smoke", "train.steps=1", *TINY_GAN)
    assert Path("runs/smoke/bundles/a2b.safetensors").is_file()
    assert "label maps of" in capsys.readouterr().out
