"""One choice of the device for training and every command, on machines that are not here."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tiny import tiny_config
from tiny_bundles import tiny_bundle

from gan_style import build
from gan_style.commands import infer as command
from gan_style.commands.evaluate import options as evaluate_options
from gan_style.commands.infer import gatys as gatys_command
from gan_style.config.schema import TrainConfig
from gan_style.engine import distribution
from gan_style.errors import UserError
from gan_style.machine.device import check_precision, choose_device
from gan_style.translation.predictor import Predictor

Machine = Callable[..., None]
TRAIN = TrainConfig(steps=1)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Makes torch say that this machine has certain devices."""

    def pretend(cuda: bool = False, mps: bool = False, bf16: bool = True, macos: int = 15) -> None:
        monkeypatch.delenv("ACCELERATE_USE_CPU", raising=False)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Tesla V100")
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation or bf16)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
        monkeypatch.setattr(torch.backends.mps, "is_macos_or_newer", lambda major, minor: (macos, 0) >= (major, minor))

    return pretend


def test_auto_is_the_first_device_that_is_there(machine: Machine) -> None:
    for cuda, mps, chosen in ((True, True, "cuda"), (True, False, "cuda"), (False, True, "mps"), (False, False, "cpu")):
        machine(cuda, mps)
        assert choose_device().type == choose_device("auto").type == distribution.training_device(TRAIN).type == chosen
        assert choose_device("cpu").type == "cpu"


@pytest.mark.parametrize("word", ["true", "True", "1", "yes", "on"])
def test_accelerates_wish_for_the_cpu_is_heard_by_all(word: str, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine(cuda=True)
    monkeypatch.setenv("ACCELERATE_USE_CPU", word)
    assert choose_device().type == "cpu"
    assert choose_device("cuda").type == "cuda"  # an option says more than the environment
    with pytest.raises(UserError, match=r"^train\.mixed_precision: fp16 needs a GPU.*take bf16 or no$"):
        distribution.training_device(TRAIN.model_copy(update={"mixed_precision": "fp16"}))


def test_a_device_that_is_not_there_is_named(machine: Machine) -> None:
    machine()
    for name in ("cuda", "mps"):
        with pytest.raises(UserError, match=rf"^--device {name}: torch sees no .*GPU here; take --device cpu or auto$"):
            choose_device(name)


@pytest.mark.parametrize(
    ("there", "precision", "words"),
    [
        ({}, "fp16", "fp16 needs a GPU, and this runs on the CPU; take bf16 or "),
        ({"cuda": True, "bf16": False}, "bf16", "Tesla V100 has no bf16; take fp16 or "),
        ({"mps": True, "macos": 13}, "bf16", "bf16 on Apple's GPUs needs macOS 14; take fp16 or "),
    ],
)
def test_a_precision_that_the_device_lacks_is_refused_everywhere(
    there: dict[str, bool], precision: str, words: str, machine: Machine, tmp_path: Path
) -> None:
    machine(**there)
    bundle = tiny_bundle(tmp_path / "b.safetensors")
    config = tiny_config("pix2pix", tmp_path, train={"mixed_precision": precision})
    refused = [
        (lambda: distribution.make_accelerator(config.train), f"train.mixed_precision: {words}no"),
        (lambda: build.describe(config), f"train.mixed_precision: {words}no"),
        (lambda: build.train(config), f"train.mixed_precision: {words}no"),
        (lambda: Predictor.load(bundle, precision=precision), f"--precision: {words}fp32"),  # type: ignore[arg-type]
    ]
    for action, message in refused:
        with pytest.raises(UserError) as mistake:
            action()
        assert str(mistake.value) == message


def test_what_a_device_has_is_accepted(machine: Machine) -> None:
    machine(cuda=True, mps=True)
    for device, precisions in {"cpu": ("no", "bf16"), "cuda": ("no", "bf16", "fp16"), "mps": ("no", "bf16", "fp16")}.items():
        for precision in precisions:
            check_precision(precision, torch.device(device), "key", "no")  # type: ignore[arg-type]


def test_float64_is_refused_where_there_is_none(machine: Machine) -> None:
    machine(mps=True)
    with pytest.raises(UserError, match=r"^train\.dtype: Apple's GPUs have no float64"):
        distribution.training_device(TRAIN.model_copy(update={"dtype": "float64"}))


def test_every_command_has_the_same_devices() -> None:
    parsers = [command.infer_parser(), gatys_command.gatys_parser(), evaluate_options.evaluate_parser()]
    options = [next(action for action in parser._actions if action.dest == "device") for parser in parsers]
    assert {(*(option.choices or ()), option.default) for option in options} == {("auto", "cpu", "cuda", "mps", "auto")}
