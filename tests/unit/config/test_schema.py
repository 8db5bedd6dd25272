"""The rules of the schema that no single field states."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from gan_style.config.network import kinds_of
from gan_style.config.schema import DataConfig, DomainConfig, LoggingConfig, OptimConfig, RunConfig, TrainConfig
from gan_style.methods import CONFIGS

NETWORKS = {kind for config in CONFIGS.values() for field in config.model_fields.values() for kind in kinds_of(field).values()}


def test_sections_are_frozen() -> None:
    config = OptimConfig()
    with pytest.raises(ValidationError, match="frozen"):
        config.lr = 1.0


@pytest.mark.parametrize("section", [DataConfig, OptimConfig, LoggingConfig, DomainConfig, *CONFIGS.values(), *sorted(NETWORKS, key=str)])
def test_sections_refuse_unknown_keys(section: type[BaseModel]) -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        section.model_validate({"colour": 1})


def test_defaults_are_those_of_the_papers() -> None:
    optim = OptimConfig()
    assert (optim.lr, optim.beta1, optim.beta2, optim.schedule, optim.decay_start) == (2e-4, 0.5, 0.999, "linear", 0.5)
    pix2pix, cyclegan = CONFIGS["pix2pix"]().model_dump(), CONFIGS["cyclegan"]().model_dump()
    assert (pix2pix["generator"]["name"], pix2pix["generator"]["num_downs"], pix2pix["generator"]["norm"]) == ("unet", 8, "batch")
    assert (pix2pix["adversarial"], pix2pix["l1_weight"]) == ("vanilla", 100.0)
    assert (cyclegan["generator"]["name"], cyclegan["generator"]["num_blocks"], cyclegan["generator"]["norm"]) == ("resnet", 9, "instance")
    assert (cyclegan["cycle_weight_a"], cyclegan["cycle_weight_b"], cyclegan["identity_weight"]) == (10.0, 10.0, 0.5)
    assert (cyclegan["adversarial"], cyclegan["replay_buffer"]) == ("lsgan", 50)


def test_a_run_needs_a_length() -> None:
    with pytest.raises(ValidationError, match="set steps, epochs or minutes"):
        TrainConfig()
    assert TrainConfig(epochs=0.5).steps is None
    assert TrainConfig(minutes=0.5).steps is None
    assert TrainConfig(steps=3, epochs=7).steps == 3


def test_float64_and_half_precision_exclude_each_other() -> None:
    with pytest.raises(ValidationError, match="float64 excludes mixed_precision"):
        TrainConfig(steps=1, dtype="float64", mixed_precision="bf16")
    assert TrainConfig(steps=1, dtype="float64").mixed_precision == "no"


@pytest.mark.parametrize("preprocess", ["resize_and_crop", "scale_width_and_crop"])
def test_crop_must_fit_where_images_are_resized_first(preprocess: Any) -> None:
    with pytest.raises(ValidationError, match="crop_size 257 is larger than load_size 256"):
        DataConfig(preprocess=preprocess, load_size=256, crop_size=257)
    assert DataConfig(preprocess=preprocess, load_size=256, crop_size=256).crop_size == 256


@pytest.mark.parametrize("preprocess", ["crop", "scale_width", "none"])
def test_crop_is_free_elsewhere(preprocess: Any) -> None:
    assert DataConfig(preprocess=preprocess, load_size=256, crop_size=512).crop_size == 512


@pytest.mark.parametrize(("value", "expected"), [(True, "yes"), (False, "no"), ("auto", "auto"), ("no", "no")])
def test_yaml_booleans_of_labels(value: Any, expected: str) -> None:
    assert DomainConfig.model_validate({"labels": value}).labels == expected


@pytest.mark.parametrize("key", ["compile", "cudnn_benchmark"])
def test_yaml_booleans_of_switches_with_auto(key: str) -> None:
    for value, word in ((True, "on"), (False, "off"), ("auto", "auto")):
        assert getattr(TrainConfig.model_validate({"steps": 1, key: value}), key) == word


def test_yaml_booleans_are_words_where_a_key_has_such_a_word_alone() -> None:
    assert DataConfig.model_validate({"cache": False}).cache == "off"
    with pytest.raises(ValidationError, match="must not be true; YAML also reads on and yes as true"):
        DataConfig.model_validate({"cache": True})
    assert TrainConfig.model_validate({"steps": 1, "channels_last": False}).channels_last is False, "this key takes booleans"


def test_yaml_boolean_of_mixed_precision() -> None:
    assert TrainConfig.model_validate({"steps": 1, "mixed_precision": False}).mixed_precision == "no"
    with pytest.raises(ValidationError, match="mixed_precision"):
        TrainConfig.model_validate({"steps": 1, "mixed_precision": True})


@pytest.mark.parametrize("value", [0, -1e-4, float("nan"), float("inf"), "fast"])
def test_learning_rate_is_positive_and_finite(value: Any) -> None:
    with pytest.raises(ValidationError, match="lr"):
        OptimConfig.model_validate({"lr": value})


def test_seed_fits_into_63_bits() -> None:
    assert TrainConfig(steps=1, seed=2**63 - 1).seed == 2**63 - 1
    for seed in (-1, 2**63):
        with pytest.raises(ValidationError, match="seed"):
            TrainConfig(steps=1, seed=seed)


def _sections(kind: type[BaseModel]) -> list[type[BaseModel]]:
    inner = [each for field in kind.model_fields.values() for each in kinds_of(field).values() or [field.annotation]]
    return [kind, *(deep for found in inner if isinstance(found, type) and issubclass(found, BaseModel) for deep in _sections(found))]


@pytest.mark.parametrize("method", CONFIGS)
def test_every_field_says_what_it_means(method: str) -> None:
    sections = _sections(RunConfig[CONFIGS[method]])
    assert len(sections) > 6
    for section in sections:
        for name, field in section.model_fields.items():
            assert field.description and len(field.description) > 10, f"{section.__name__}.{name}"
            assert field.description.endswith((".", '".', ")")), f"{section.__name__}.{name}"
