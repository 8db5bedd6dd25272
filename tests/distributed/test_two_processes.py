"""Two gloo processes train to the weights of one."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import warm
import yaml
from pictures import draw_folders, draw_masks
from safetensors.torch import load_file
from smoke import ROOT, has, smoke_arguments

from gan_style.methods import METHODS

STEPS = 5


def exact(name: str, overrides: Sequence[str]) -> list[str]:
    """What keeps a batch from being mixed, with all the dropout that the generator of this method's smoke configuration can have."""
    recipe = yaml.safe_load((ROOT / f"configs/smoke/{name}.yaml").read_text())["method"]
    keys = [("generator", "norm", "instance"), ("discriminator", "norm", "instance"), ("generator", "dropout", "true")]
    keys = [(section, key, value) for section, key, value in keys if has(recipe, overrides, section, key)]
    if recipe.get("generator", {}).get("name") == "unet":
        keys.append(("generator", "num_downs", "6"))  # fewer, and there is no dropout
    return [*(f"method.{section}.{key}={value}" for section, key, value in keys), "train.dtype=float64"]


def train(name: str, processes: int, data: Path, folder: Path, *overrides: str) -> Path:
    """Run `processes` workers; returns the run folder. Each must see all the others and hold the same weights."""
    folder.mkdir(parents=True, exist_ok=True)
    run_dir = folder / "run"
    config = smoke_arguments(name, data, run_dir, *exact(name, overrides), "logging.samples=0", f"train.steps={STEPS}", *overrides)
    codes = warm.run_ranks([ROOT / "tests/distributed/worker.py", folder, *config], processes, folder, folder / "log")
    assert codes == [0] * processes, (folder / "log").read_text()[-3000:]
    reports = [json.loads((folder / f"rank_{rank}.json").read_text()) for rank in range(processes)]
    assert [report["processes"] for report in reports] == [processes] * processes
    assert len({report["hash"] for report in reports}) == 1, "the processes diverged"
    return run_dir


def largest_difference(one: Path, two: Path, step: int = STEPS) -> float:
    """Over every weight of every network in the two runs' checkpoints."""
    expected, got = (load_file(run / "checkpoints" / f"step_{step:07d}" / "networks.safetensors") for run in (one, two))
    assert expected.keys() == got.keys()
    # A bias in front of a normalisation has a gradient of pure rounding noise, which Adam blows up.
    noisy = {
        key for key in expected if key.endswith((".conv.bias", ".conv1.bias", ".conv2.bias")) and not key.endswith("/layers.0.conv.bias")
    }
    return max((expected[key] - got[key]).abs().max().item() / (1000 if key in noisy else 1) for key in expected)


@pytest.mark.parametrize("name", sorted(METHODS))
def test_two_processes_give_the_weights_of_one(name: str, tmp_path: Path) -> None:
    data = draw_folders(tmp_path / "data")
    one = train(name, 1, data, tmp_path / "one")
    two = train(name, 2, data, tmp_path / "two")
    assert largest_difference(one, two) <= 1e-9
    rates = [
        [json.loads(line)["lr/" + key] for line in (run / "metrics.jsonl").read_text().splitlines()]
        for run in (one, two)
        for key in _players(run)
    ]
    assert rates[: len(rates) // 2] == rates[len(rates) // 2 :]


@pytest.mark.parametrize("name", ["pix2pix", "pix2pixhd", "cyclegan"])
def test_two_processes_give_the_weights_of_one_with_masks(name: str, tmp_path: Path) -> None:
    data = draw_masks(draw_folders(tmp_path / "data"))
    one = train(name, 1, data, tmp_path / "one")
    assert largest_difference(one, train(name, 2, data, tmp_path / "two")) <= 1e-9
    assert largest_difference(one, train(name, 1, data, tmp_path / "off", "data.mask=off")) > 1e-4, "masks changed nothing"


def test_a_process_waits_for_one_that_works_alone_longer_than_libraries_do(tmp_path: Path) -> None:
    """gloo gives up after 30 minutes, NCCL after 10; listing, drawing or measuring a large set may take hours."""
    train("pix2pix", 2, draw_folders(tmp_path / "data"), tmp_path)
    for rank in range(2):
        patience = json.loads((tmp_path / f"rank_{rank}.json").read_text())["patience"]
        assert len(patience) == 2 and min(patience) >= 12 * 3600


LARGE = {
    "spade": ["method.generator={name: spade, base_channels: 8, num_downs: 2, norm: instance}"],
    "coarse-to-fine": [
        "method.generator={name: coarse-to-fine, base_channels: 8, num_blocks: 1, num_downs: 2, norm: instance, dropout: true}",
        "method.fixed_steps=2",
    ],
}


@pytest.mark.parametrize("changes", LARGE.values(), ids=LARGE)
def test_large_generators_give_the_weights_of_one_process(changes: list[str], tmp_path: Path) -> None:
    """The coarse part of the second rests for 2 of 5 steps: its gradients are reduced, and dropped."""
    data = draw_folders(tmp_path / "data")
    one, two = (train("pix2pixhd", processes, data, tmp_path / str(processes), *changes) for processes in (1, 2))
    assert largest_difference(one, two) <= 1e-9


@pytest.mark.parametrize("name", ["pix2pix", "pix2pixhd"])
@pytest.mark.parametrize("distance", ["plain", "pyramid", "shift"])
def test_a_registration_network_gets_the_weights_of_one_process(name: str, distance: str, tmp_path: Path) -> None:
    data = draw_folders(tmp_path / "data")
    changes = [f"method.l1={distance}", "method.l1_weight=10", "method.registration_weight=1", "method.registration.base_channels=4"]
    one, two = (train(name, processes, data, tmp_path / str(processes), *changes) for processes in (1, 2))
    assert largest_difference(one, two) <= 1e-9


def _players(run: Path) -> list[str]:
    first = json.loads((run / "metrics.jsonl").read_text().splitlines()[0])
    return [key.removeprefix("lr/") for key in first if key.startswith("lr/")]


STABILISERS = {
    "R1": ["method.r1_weight=10", "method.r1_every=2"],
    "WGAN-GP": ["method.adversarial=wgan", "method.gradient_penalty_weight=10", "method.critic_steps=3"],
    "spectral hinge": ["method.adversarial=hinge", "method.discriminator.spectral_norm=true"],
    "shown": ["method.diffaugment=[color, translation, cutout]", "method.instance_noise=0.1"],
    "ada": ["method.ada=[blit, geometry, color]", "method.ada_p=0.4", "method.ada_images=20"],
    "rates": ["optim.player_lr.PLAYER=4e-4", "train.ema_decay=0.999", "train.ema_warmup=0.05"],
}
EVERYTHING = [  # with a critic, for which ADA's probability stays as it is
    change.replace("ada_images=20", "ada_images=null") for changes in STABILISERS.values() for change in changes if "hinge" not in change
]
JUDGES = {"pix2pix": "discriminator", "cyclegan": "discriminators"}


@pytest.mark.parametrize(
    ("name", "changes"),
    [*(("pix2pix", changes) for changes in STABILISERS.values()), ("cyclegan", EVERYTHING)],
    ids=[*(f"pix2pix-{stabiliser}" for stabiliser in STABILISERS), "cyclegan-everything"],
)
def test_stabilisers_give_the_weights_of_one_process(name: str, changes: list[str], tmp_path: Path) -> None:
    """The gradients of penalties are averaged like others; noise and augmentation belong to the sample, not to the process."""
    data = draw_folders(tmp_path / "data")
    changes = [change.replace("PLAYER", JUDGES[name]) for change in changes]
    one = train(name, 1, data, tmp_path / "one", *changes)
    two = train(name, 2, data, tmp_path / "two", *changes)
    assert largest_difference(one, two) <= 1e-9
    bundles = [load_file(run / "bundles" / "a2b.safetensors") for run in (one, two)]
    assert all((bundles[0][key] - value).abs().max() <= 1e-6 for key, value in bundles[1].items())


def test_accumulation_on_two_processes_gives_the_weights_of_one_batch(tmp_path: Path) -> None:
    data = draw_folders(tmp_path / "data")
    one = train("pix2pix", 1, data, tmp_path / "one", "train.batch_size=4")
    two = train("pix2pix", 2, data, tmp_path / "two", "train.batch_size=4", "train.accumulate=2")
    assert largest_difference(one, two) <= 1e-9


@pytest.mark.parametrize("name", ["cut", "dclgan"])
def test_weighed_negatives_give_the_weights_of_one_process(name: str, tmp_path: Path) -> None:
    data = draw_folders(tmp_path / "data")
    one, two = (train(name, processes, data, tmp_path / str(processes), "method.nce_weighting=monce") for processes in (1, 2))
    assert largest_difference(one, two) <= 1e-9


def test_mirrored_samples_need_no_partner_in_the_other_process(tmp_path: Path) -> None:
    """FastCUT encodes the inputs of mirrored samples again, in one process more of them than in the other."""
    data = draw_folders(tmp_path / "data")
    fastcut = ["method.nce_identity=false", "method.flip_equivariance=true", "method.nce_weight=10"]
    one = train("cut", 1, data, tmp_path / "one", *fastcut)
    two = train("cut", 2, data, tmp_path / "two", *fastcut)
    assert largest_difference(one, two) <= 1e-9


def samples(folder: Path) -> dict[int, dict[str, list[str]]]:
    """step -> slot of the global batch -> [key in A, key in B], over all processes that ever worked in `folder`."""
    found: dict[int, dict[str, list[str]]] = {}
    for file in folder.glob("samples_*.jsonl"):
        for line in file.read_text().splitlines():
            entry = json.loads(line)
            slots = found.setdefault(entry["step"], {})
            assert not slots.keys() & entry["samples"].keys(), "two processes had the same slot"
            slots |= entry["samples"]
    return found


def test_a_run_goes_on_with_another_number_of_processes(tmp_path: Path) -> None:
    """Two processes, then one, then two: same samples in each step, same weights; replay buffers, small enough to be full, too."""
    data = draw_folders(tmp_path / "data")
    changes = ["method.replay_buffer=2", "train.steps={}"]
    one = train("cyclegan", 1, data, tmp_path / "one", *(change.format(20) for change in changes))
    for processes, steps in ((2, 7), (1, 13), (2, 20)):
        changing = train("cyclegan", processes, data, tmp_path / "changing", *(change.format(steps) for change in changes))
    assert largest_difference(one, changing, step=20) <= 1e-9
    expected = samples(tmp_path / "one")
    assert sorted(expected) == list(range(20))
    assert len({tuple(map(tuple, slots.values())) for slots in expected.values()}) > 10, "the samples do not vary"
    assert samples(tmp_path / "changing") == expected


def test_the_main_process_alone_logs_to_trackers(tmp_path: Path) -> None:
    run_dir = train("pix2pix", 2, draw_folders(tmp_path / "data"), tmp_path / "two", "logging.trackers=[tensorboard]", "logging.every=1")
    assert json.loads((run_dir / "trackers.json").read_text()) == {"tensorboard": "tensorboard"}
    writers = {path.name.rsplit(".", 2)[1] for path in (run_dir / "tensorboard").glob("events.out.tfevents.*")}
    assert len(writers) == 1  # the number of the process that wrote
