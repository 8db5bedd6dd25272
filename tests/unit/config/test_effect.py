"""Every key has an effect, or says with which others it has one; an override without effect is refused."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from gan_style.config.effect import OnlyWith, leaves
from gan_style.config.load import load_config
from gan_style.config.network import NetworkConfig
from gan_style.config.schema import RunConfig
from gan_style.errors import UserError
from gan_style.methods import CONFIGS

PICTURE = "method.style_image=x.png"
# Method, key and a value of it; the overrides with which it has no effect, which the message names; those with which it has.
CONDITIONAL = [
    ("pix2pix", "optim.decay_start=0.3", ["optim.schedule=constant"], ["optim.schedule=cosine"]),
    ("pix2pix", "data.domain_a.colours=['#000000']", ["data.domain_a.labels=yes"], ["data.domain_a.labels=nearest"]),
    ("pix2pix", "data.domain_b.colours=['#000000']", ["data.domain_b.labels=auto"], ["data.domain_b.labels=nearest"]),
    *(
        ("pix2pix", f"data.domain_b.{key}", [f"method.name={name}"], [])
        for key in ("channels=1", "labels=yes", "transforms=[{name: GaussNoise}]", "range=[0, 1]")
        for name in ("gan", "fast_style")
    ),
    ("pix2pix", "data.domain_b.colours=['#000000']", ["method.name=gan"], ["data.domain_b.labels=nearest"]),
    *(
        ("pix2pix", f"data.domain_{domain}.{key}", [f"data.domain_{domain}.range=null"], [f"data.domain_{domain}.range=auto"])
        for key in ("missing=0", "type=int16", "slices=3")
        for domain in "ab"
    ),
    ("pix2pix", "logging.composite_a=[1]", ["data.domain_a.range=null"], ["data.domain_a.range=auto"]),
    ("pix2pix", "logging.composite_b=[1]", ["data.domain_b.range=null"], ["data.domain_b.range=auto"]),
    *(
        ("pix2pix", f"method.registration.{key}=3", ["method.registration_weight=0"], ["method.registration_weight=1"])
        for key in ("base_channels", "num_downs")
    ),
    ("pix2pix", "optim.step_every=0.3", ["optim.schedule=cosine"], ["optim.schedule=step"]),
    ("pix2pix", "optim.step_gamma=0.3", ["optim.schedule=linear"], ["optim.schedule=step"]),
    ("pix2pix", "train.init_partial=true", ["train.init_from=null"], ["train.init_from=x"]),
    ("pix2pix", "train.max_skips=3", ["train.on_nonfinite=stop"], ["train.on_nonfinite=skip"]),
    ("pix2pix", "validation.metrics=[l1]", ["train.validate_every=null"], ["train.validate_every=5"]),
    ("pix2pix", "validation.images=3", ["train.validate_every=null"], ["train.validate_every=5"]),
    ("pix2pix", "validation.best=l1", ["train.validate_every=null"], ["train.validate_every=5"]),
    ("pix2pix", "validation.features=random", ["train.validate_every=null"], ["train.validate_every=5"]),
    ("pix2pix", "validation.lpips=random", ["train.validate_every=null"], ["train.validate_every=5"]),
    ("pix2pix", "validation.structure=random", ["train.validate_every=null"], ["train.validate_every=5"]),
    ("pix2pix", "data.domain_a.colours=['#000000']", ["data.domain_a.labels=auto"], ["data.domain_a.labels=nearest"]),
    ("pix2pix", "data.domain_b.colours=['#000000']", ["data.domain_b.labels=auto"], ["data.domain_b.labels=nearest"]),
    ("pix2pix", "method.r1_every=3", ["method.r1_weight=0"], ["method.r1_weight=1"]),
    ("cut", "method.instance_noise_steps=3", ["method.instance_noise=0"], ["method.instance_noise=0.1"]),
    ("cyclegan", "method.perceptual_layers=[relu1_1]", ["method.perceptual_weight=0"], ["method.perceptual_weight=1"]),
    ("pix2pixhd", "method.perceptual_distance=l2", ["method.perceptual_weight=0"], ["method.perceptual_weight=1"]),
    ("pix2pixhd", "method.perceptual_layers=[relu1_1]", ["method.perceptual_weight=0"], ["method.perceptual_weight=1"]),
    ("cut", "method.style_layers=[relu1_1]", ["method.style_weight=0"], ["method.style_weight=1"]),
    ("cut", "method.style_loss=mmd", ["method.style_weight=0"], ["method.style_weight=1"]),
    ("cut", "method.style_image=x.png", ["method.style_weight=0"], ["method.style_weight=1"]),
    ("cut", "method.style_norm=johnson", ["method.style_weight=0"], ["method.style_weight=1"]),
    ("cut", "method.style_norm=johnson", ["method.style_loss=moments", "method.style_weight=1"], ["method.style_weight=1"]),
    ("pix2pix", "method.vgg.weights=random", ["method.perceptual_weight=0", "method.style_weight=0"], ["method.style_weight=1"]),
    ("pix2pix", "method.vgg.pooling=avg", ["method.perceptual_weight=0"], ["method.perceptual_weight=1"]),
    ("cut", "method.style_size=64", ["method.style_weight=0", PICTURE], ["method.style_weight=1", PICTURE]),
    ("fast_style", "method.content_layers=[relu1_1]", ["method.content_weight=0"], []),
    ("fast_style", "method.style_layers=[relu1_1]", ["method.style_weight=0"], []),
    ("fast_style", "method.style_size=64", ["method.style_weight=0"], []),
    ("fast_style", "method.vgg.name=vgg19", ["method.style_weight=0", "method.content_weight=0"], ["method.style_weight=0"]),
    ("gan", "method.objective=non-saturating", ["method.adversarial=hinge"], []),
    ("cyclegan", "method.generator.init_gain=0.1", ["method.generator.init=kaiming"], ["method.generator.init=xavier"]),
    (
        "cyclegan",
        "method.discriminator.init_gain=0.1",
        ["method.discriminator.init=kaiming"],
        ["method.discriminator.init=kaiming", "method.discriminator.norm=batch"],
    ),
    ("pix2pix", "data.sampler=foreground", ["data.preprocess=none"], ["data.preprocess=crop"]),
    ("pix2pix", "logging.project=horses", ["logging.trackers=[tensorboard]"], ["logging.trackers=[tensorboard, wandb]"]),
    *(
        ("pix2pix", f"method.registration.{key}", ["method.registration_weight=0"], ["method.registration_weight=1"])
        for key in ("base_channels=8", "num_downs=3")
    ),
    ("pix2pix", "data.cache_gb=2", ["data.cache=off"], ["data.cache=disk"]),
]
# The same of keys that scripts set for every run: they are told, not refused.
TOLD = [
    ("pix2pix", "data.load_size=300", ["data.preprocess=crop"], ["data.preprocess=scale_width"]),
    ("pix2pix", "data.crop_size=64", ["data.preprocess=scale_width"], ["data.preprocess=crop"]),
    ("pix2pix", "data.crop_size=64", ["data.preprocess=none"], []),
]
# Keys with an effect of their own, at least where their value is not 0, by section. Those of methods: tests/contract/test_every_key.py.
OWN = {
    "": {"run_dir"},
    "data": {"root", "root_b", "source", "preprocess", "flip", "transforms", "workers", "cache", "changed", "hold_out", "mask"},
    "data.domain_a": {"channels", "labels", "transforms", "range"},
    "optim": {"lr", "player_lr", "beta1", "beta2", "schedule", "clip_norm", "extend", "warmup"},
    "train": {
        *(
            "steps",
            "epochs",
            "minutes",
            "batch_size",
            "accumulate",
            "seed",
            "mixed_precision",
            "dtype",
            "channels_last",
            "tf32",
            "cudnn_benchmark",
            "compile",
            "checkpoint_every",
            "keep",
        ),
        *("init_from", "freeze", "ema_decay", "validate_every", "max_minutes", "on_nonfinite"),
        "ema_warmup",  # refused without ema_decay
    },
    "method.labels": {"one_hot", "colours", "edges"},  # refused where they do not go together
    "logging": {"every", "samples_every", "samples", "alarm_after", "trackers"},
}


def written(tmp_path: Path, method: str, text: str = "") -> Path:
    path = tmp_path / "recipe.yaml"
    path.write_text(f"run_dir: x\nmethod: {{name: {method}}}\ntrain: {{steps: 1}}\n{text}", encoding="utf-8")
    return path


@pytest.mark.parametrize(("method", "override", "idle", "live"), CONDITIONAL)
def test_an_override_without_effect_is_refused(tmp_path: Path, method: str, override: str, idle: list[str], live: list[str]) -> None:
    recipe, (key, _, value) = written(tmp_path, method), override.partition("=")
    with pytest.raises(UserError) as caught:
        load_config(recipe, [override, *idle], CONFIGS)
    message = str(caught.value)
    assert message.startswith(f"command line: {key}: has no effect with ") and "leave it out, or set " in message
    assert idle[0].partition("=")[0] in message
    load_config(recipe, [override, *live], CONFIGS)
    section, _, last = key.rpartition(".")
    if section in ("data", "optim") or key in ("validation.metrics", "validation.images"):  # a file may keep what another choice needs
        load_config(written(tmp_path, method, yaml.safe_dump({section: {last: yaml.safe_load(value)}})), idle, CONFIGS)


@pytest.mark.parametrize(("method", "override", "idle", "live"), TOLD)
def test_an_override_of_a_key_that_scripts_always_set_is_told(
    tmp_path: Path, method: str, override: str, idle: list[str], live: list[str], recwarn: pytest.WarningsRecorder
) -> None:
    recipe = written(tmp_path, method)
    load_config(recipe, [override, *live], CONFIGS)
    assert not recwarn.list
    load_config(recipe, [override, *idle], CONFIGS)
    assert [str(each.message).partition(";")[0] for each in recwarn.list] == [
        f"{override.partition('=')[0]}: has no effect with {idle[0].replace('=', ' ')}"
    ]


def test_an_override_of_a_section_is_one_of_its_keys(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"command line: optim\.step_every: has no effect with optim\.schedule linear"):
        load_config(written(tmp_path, "cut"), ["optim={step_every: 0.5, lr: 0.1}"], CONFIGS)


@pytest.mark.parametrize("method", ["gan", "fast_style"])
def test_a_file_may_keep_the_domain_that_another_method_reads(tmp_path: Path, method: str) -> None:
    recipe = written(tmp_path, "pix2pix", "data: {domain_b: {channels: 1}}\n")
    assert load_config(recipe, [f"method.name={method}"], CONFIGS).data.domain_b.channels == 1


def test_what_is_switched_off_claims_nothing(tmp_path: Path) -> None:
    load_config(written(tmp_path, "cut"), ["validation.best=null", "method.style_image=null"], CONFIGS)
    assert list(leaves(("a",), {"b": None, "c": {"d": 1, "e": False}, "f": 0})) == [("a", "c", "d"), ("a", "f")]


def keys(
    section: type[BaseModel], method: type[BaseModel], above: tuple[str, ...] = (), bound: bool = False
) -> Iterator[tuple[str, str, bool]]:
    """(section, key, does it or its section say what it goes with?) of every value; those of networks are their architecture's."""
    for name, field in section.model_fields.items():
        marked = bound or any(isinstance(rule, OnlyWith) for rule in field.metadata)
        kind: Any = method if (*above, name) == ("method",) else field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            if not issubclass(kind, NetworkConfig):
                yield from keys(kind, method, (*above, name), marked)
        else:
            yield ".".join(above), name, marked


@pytest.mark.parametrize("method", CONFIGS)
def test_every_key_has_an_effect_or_says_with_what(method: str) -> None:
    tested = {override.partition("=")[0] for _, override, _, _ in [*CONDITIONAL, *TOLD]}
    for section, key, marked in keys(RunConfig, CONFIGS[method]):
        place = f"{section}.{key}".lstrip(".")
        if section in ("method", "method.vgg"):
            continue
        own = key in OWN.get(section, set())
        assert marked != own, f"{place}: add it to OWN if it always has an effect, else say with OnlyWith which other key it needs"
        if marked:
            assert place in tested, f"{place}: add it to CONDITIONAL"
