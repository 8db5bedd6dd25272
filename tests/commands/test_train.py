"""train.py as a user meets it: what it leaves behind, and what it says to mistakes."""

import json
import shutil
from pathlib import Path

import pytest
import torch
import warm
import yaml
from pictures import draw_folders
from PIL import Image
from smoke import ROOT, smoke_arguments

from gan_style.bundles.file import load_bundle
from gan_style.commands.train import train_command
from gan_style.datasets.sources import find
from gan_style.errors import UserError
from gan_style.terminal.counted import counted


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_folders(tmp_path_factory.mktemp("data"))


def test_a_run_folder_holds_what_was_promised(data: Path, tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    assert (
        train_command(
            smoke_arguments(
                "cyclegan",
                data,
                run_dir,
                "train.steps=6",
                "train.checkpoint_every=2",
                "train.keep=2",
                "logging.every=2",
                "logging.samples_every=3",
            )
        )
        == 0
    )
    assert yaml.safe_load((run_dir / "config.yaml").read_text())["train"]["steps"] == 6
    assert sorted(path.name for path in (run_dir / "checkpoints").iterdir()) == ["step_0000004", "step_0000006"]
    assert sorted(path.name for path in (run_dir / "samples").iterdir()) == ["step_0000003.png", "step_0000006.png"]
    assert "<svg" in (run_dir / "report.html").read_text()
    lines = [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 4, 6]
    for line in lines:
        assert {
            "time",
            "loss/cycle_a",
            "loss/adversarial_ab",
            "lr/generators",
            "lr/discriminators",
            "images_per_second",
            "data_wait",
        } <= line.keys()
        assert 0 <= line["data_wait"] <= 1
    for direction in ("a2b", "b2a"):
        info, _ = load_bundle(run_dir / "bundles" / f"{direction}.safetensors")
        assert (info.direction, info.step, info.resize.crop_size) == (direction, 6, 16)


def test_a_method_that_needs_pairs_names_those_that_do_not_where_there_are_none(data: Path, tmp_path: Path) -> None:
    unpaired = tmp_path / "horses"
    for domain in "AB":
        (unpaired / f"train{domain}").mkdir(parents=True)
        for path in (data / f"train{domain}").iterdir():
            shutil.copy(path, unpaired / f"train{domain}" / f"{domain}{path.name}")
    with pytest.raises(UserError, match=r"has 0 pairs of one stem .*cyclegan or cut \(configs/cyclegan.yaml\)"):
        train_command([*smoke_arguments("pix2pix", unpaired, tmp_path / "run"), "--dry-run"])
    assert train_command([*smoke_arguments("cyclegan", unpaired, tmp_path / "run"), "--dry-run"]) == 0


def test_what_is_frozen_is_told(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    large = "method.generator={name: resnet, base_channels: 16, num_blocks: 1}"  # 4 x 16 channels in its block: 74 thousand parameters
    frozen = ["train.freeze=[generator.blocks]", "--dry-run"]
    assert train_command([*smoke_arguments("pix2pix", data, tmp_path / "run", large), *frozen]) == 0
    [generator, discriminator] = [line for line in capsys.readouterr().out.splitlines() if line.startswith("# network ")]
    assert generator.endswith("M parameters, 0.07 M of them frozen") and "frozen" not in discriminator


def test_demo_data_are_told_from_the_users_own(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for root in ("data/demo/paired", "data/demo/smoke"):
        shutil.copytree(data, root)
    Path("mine.yaml").write_text(
        "method: {name: pix2pix, generator: {num_downs: 2, base_channels: 4}, discriminator: {num_layers: 1, base_channels: 4}}\n"
        "data: {load_size: 20, crop_size: 16}\ntrain: {steps: 1}\n"
    )
    advice = ": demo pictures, drawn by gan_style; set data.root=FOLDER to train on yours"

    def told(*options: str) -> list[str]:
        assert train_command(["--config", "mine.yaml", "run_dir=run", *options]) == 0
        said = [line.removeprefix("# ") for line in capsys.readouterr().out.splitlines()]
        return [line.removeprefix("demo data   ") for line in said if "drawn by gan_style" in line]

    assert told("--dry-run") == told() == ["data.root is not set, so it is data/demo/paired" + advice]
    assert told("data.root=data/demo/smoke/", "--dry-run") == ["data.root is data/demo/smoke/" + advice]
    assert told("--sweep", "train.seed=0..1", "--dry-run") == ["data.root is not set, so it is data/demo/paired" + advice]
    assert told(f"data.root={data}", "--dry-run") == []


def test_dry_run_checks_everything_and_writes_nothing(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train_command([*smoke_arguments("pix2pix", data, tmp_path / "run"), "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert yaml.safe_load(said)["method"]["name"] == "pix2pix", "what is told stands in comments"
    assert "receptive field 16 pixels" in said
    assert "6 pairs" in said
    assert not (tmp_path / "run").exists()
    with pytest.raises(UserError, match="nowhere"):
        train_command([*smoke_arguments("pix2pix", tmp_path / "nowhere", tmp_path / "run"), "--dry-run"])


def test_the_summary_tells_what_computes(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def told(*overrides: str) -> list[str]:
        assert train_command([*smoke_arguments("pix2pix", data, tmp_path / "run"), "train.steps=1", *overrides]) == 0
        said = [line.removeprefix("# ") for line in capsys.readouterr().out.splitlines()]
        return [line for line in said if line.startswith("device ")]

    threads = counted(torch.get_num_threads(), "thread")
    keys = ["train.mixed_precision=bf16", "data.workers=2"]
    assert told(*keys, "--dry-run") == told(*keys) == [f"device      cpu with {threads}, bf16, 2 loading processes"]
    compiled = f"device      cpu with {threads}, float32, compiled (the first step takes a minute or more), 1 loading process"
    assert told("--dry-run", "data.workers=1", "train.compile=on", f"run_dir={tmp_path / 'other'}") == [compiled]


def everything_below(folder: Path) -> dict[str, bytes | None]:
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))}


LEARNED = ["method.perceptual_weight=1", "train.validate_every=1", "validation.metrics=[l1,lpips,structure]"]


@pytest.mark.parametrize(
    ("name", "overrides", "missing"),
    [
        ("pix2pix", [*LEARNED, "validation.lpips=alex"], ["vgg19-dcbb9e9d.pth", "alexnet-owt-7be5be79.pth", "vgg16-397923af.pth"]),
        ("pix2pix", [*LEARNED, "validation.lpips=vgg", "method.vgg.weights=random"], ["vgg16-397923af.pth"]),
        ("adain", ["method.vgg.weights=imagenet"], ["vgg19-dcbb9e9d.pth"]),
        ("fast_style", ["method.vgg.weights=imagenet"], ["vgg16-397923af.pth"]),
    ],
)
def test_dry_run_leaves_nothing_anywhere(
    name: str,
    overrides: list[str],
    missing: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """No run folder, no weights, no list of files, no temporary folder; it names what would be downloaded."""
    data = draw_folders(tmp_path / "data", train=3, val=2, size=40)
    for variable in ("GAN_STYLE_CACHE", "HF_HOME", "XDG_CACHE_HOME", "TORCH_HOME", "HOME", "TMPDIR"):
        (tmp_path / variable).mkdir()
        monkeypatch.setenv(variable, str(tmp_path / variable))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr("gan_style.datasets.index.SMALLEST", 1)  # this list is long enough to keep,
    monkeypatch.setattr("gan_style.datasets.listing.SETTLED", -(10**12))  # and old enough
    monkeypatch.chdir(tmp_path)
    arguments = smoke_arguments(name, data, tmp_path / "run", "data.load_size=40", "data.crop_size=32", *overrides)
    before = everything_below(tmp_path)
    assert train_command([*arguments, "--dry-run"]) == 0
    assert everything_below(tmp_path) == before
    lines = [line.split()[1:] for line in capsys.readouterr().out.splitlines() if line.startswith("# download ")]
    assert [line[1] for line in lines] == missing
    assert {line[3] for line in lines} == {f"{tmp_path}/TORCH_HOME/hub/checkpoints,"}
    find(data, "auto", "train", paired=False)  # without --dry-run the list is kept: the test would see it
    assert list((tmp_path / "GAN_STYLE_CACHE").iterdir())


def test_another_configuration_is_refused_with_the_keys_that_differ(data: Path, tmp_path: Path) -> None:
    run = smoke_arguments("pix2pix", data, tmp_path / "run", "train.steps=2", "logging.samples=0")
    assert train_command(run) == 0
    for further in ([], ["--dry-run"]):
        with pytest.raises(UserError, match=r"optim\.lr: 0\.0002 -> 0\.1; train\.seed: 0 -> 7"):
            train_command([*run, "optim.lr=0.1", "train.seed=7", *further])
        with pytest.raises(UserError, match=r"another configuration: method\.name: pix2pix -> cyclegan; take"):
            train_command([*smoke_arguments("cyclegan", data, tmp_path / "run", "train.steps=2", "logging.samples=0"), *further])
    assert train_command([*run, "train.steps=3", "train.checkpoint_every=1", "train.keep=1", "logging.every=1"]) == 0
    assert [path.name for path in (tmp_path / "run" / "checkpoints").iterdir()] == ["step_0000003"]
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert [start["step"] for start in record["starts"]] == [0, 2] and record["steps"] == 3
    assert record["players"].keys() == {"generator", "discriminator"}
    assert "step 3 of 3 · finished" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")


def test_a_folder_without_validation_trains_without_samples(tmp_path: Path) -> None:
    data = draw_folders(tmp_path / "data", val=0)
    assert train_command(smoke_arguments("pix2pix", data, tmp_path / "run", "train.steps=2")) == 0
    assert not (tmp_path / "run" / "samples").exists()
    assert (tmp_path / "run" / "report.html").exists()


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["optim.lrr=1"], "optim.lrr: unknown key, did you mean 'lr'?"),
        (["data.crop_size=4"], "data.crop_size: 4 is too small for the discriminators, which need "),
        (
            ["method.name=cyclegan", "method.gradient_penalty_weight=10", "data.preprocess=none"],
            "method.gradient_penalty_weight: needs real and generated images of one size",
        ),
        (["train.batch_size=3", "train.accumulate=2"], "train.batch_size 3 cannot be shared evenly"),
        (["train.mixed_precision=fp16"], "fp16 needs a GPU"),
        (["method.name=pix2pixx"], "did you mean 'pix2pix'?"),
        (["data.transforms=[{name: Rotat}]"], "did you mean Rotate?"),
        (["optim.player_lr.discriminators=1e-3"], "pix2pix has no such player, did you mean 'discriminator'?"),
        (["optim.player_lr={x: 1e-3}", "--dry-run"], "optim.player_lr.x: pix2pix has no such player; there are discriminator, generator"),
    ],
)
def test_mistakes_name_their_key(overrides: list[str], said: str, data: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError) as mistake:
        train_command(smoke_arguments("pix2pix", data, tmp_path / "run", *overrides))
    assert said in str(mistake.value)


def test_an_image_too_small_to_be_judged_is_named_and_the_steps_before_it_are_saved(tmp_path: Path) -> None:
    data = draw_folders(tmp_path / "data")
    small = sorted((data / "trainA").iterdir())[2]  # not the first that is drawn
    for path in (small, data / "trainB" / small.name):
        Image.open(path).resize((24, 3)).save(path)
    with pytest.raises(UserError, match=f"{small.name}: 24 x 3 pixels are too small for the discriminators, which need "):
        train_command(smoke_arguments("pix2pix", data, tmp_path / "run", "data.preprocess=none", "train.batch_size=1", "train.steps=40"))
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    saved = sorted(path.name for path in (tmp_path / "run" / "checkpoints").iterdir())
    assert saved and int(saved[-1].removeprefix("step_")) >= json.loads(lines[-1])["step"]


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_mistake_is_one_line_and_exit_code_2(processes: str, tmp_path: Path) -> None:
    done = warm.run([ROOT / "train.py", "--config", "nowhere.yaml"], tmp_path, env={"WORLD_SIZE": processes})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: nowhere.yaml: no such file, and no recipe of that name; the recipes are adain, ")
    assert done.stderr.count("\n") == 1


def test_domains_of_different_channels(tmp_path: Path, data: Path) -> None:
    """Gray in, colour out; CycleGAN then says that it leaves out the identity loss."""
    assert train_command(smoke_arguments("pix2pix", data, tmp_path / "pix2pix", "train.steps=2", "data.domain_a.channels=1")) == 0
    info, _ = load_bundle(tmp_path / "pix2pix" / "bundles" / "a2b.safetensors")
    assert (info.in_channels, info.out_channels) == (1, 3)
    with pytest.warns(UserWarning, match="the identity loss needs equal channels"):
        assert train_command(smoke_arguments("cyclegan", data, tmp_path / "cyclegan", "train.steps=2", "data.domain_a.channels=1")) == 0


def test_a_sample_grid_that_cannot_be_written_does_not_end_the_training(data: Path, tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    (run_dir / "samples").write_text("in the way")
    run = smoke_arguments("pix2pix", data, run_dir, "train.steps=3", "logging.samples_every=2")
    with pytest.warns(
        UserWarning, match=r"^step \d: no sample grid \(.*step_000000\d\.png: cannot be written .*\); training goes on$"
    ) as warned:
        assert train_command(run) == 0
    assert [str(warning.message)[:6] for warning in warned if "no sample grid" in str(warning.message)] == ["step 2", "step 3"]
    assert "step 3 of 3 · finished" in (run_dir / "report.html").read_text(encoding="utf-8")


def test_gray_images_from_noise_need_no_word_on_another_domain(tmp_path: Path) -> None:
    data = draw_folders(tmp_path / "data")
    assert train_command(smoke_arguments("gan", data, tmp_path / "run", "data.domain_a.channels=1", "train.steps=2")) == 0
    assert load_bundle(tmp_path / "run/bundles/a2b.safetensors")[0].out_channels == 1
    assert list((tmp_path / "run/samples").iterdir()), "the grid is drawn from the bundle's own network"
