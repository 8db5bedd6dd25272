"""A mistake is blamed on what wrote the value, and says what would do."""

from pathlib import Path

import pytest

from gan_style.config.load import load_config
from gan_style.errors import UserError
from gan_style.methods import CONFIGS

ROOT = Path(__file__).parents[3]
BASE = "run_dir: runs/x\nmethod: {name: pix2pix}\ntrain: {steps: 10}\n"


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    return tmp_path / "recipe.yaml"


def mistake(recipe: Path, text: str, *overrides: str) -> str:
    """The one line that loading ends in, the file's name as `FILE`."""
    recipe.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as caught:
        load_config(recipe, overrides, CONFIGS)
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(str(recipe), "FILE")


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("train.steps=abc", "command line: train.steps: Input should be a valid integer"),
        ("train={steps: abc}", "command line: train.steps: Input should be a valid integer"),
        ("train.step=5", "command line: train.step: unknown key, did you mean 'steps'?"),
        ("method.name=pixtopix", "command line: method.name: 'pixtopix' is not a method, did you mean 'pix2pix'?"),
        ("method={}", "command line: method.name: names the method to train and is missing"),
        ("data.crop_size=300", "command line: data: crop_size 300 is larger than load_size 286"),
        ("method.adversarial=wgan", "command line: method: adversarial wgan without a bound"),
        ("method.vgg.name=vgg11", "command line: method.vgg.name: Input should be 'vgg16' or 'vgg19'"),
        ("metho.l1_weight=3", "command line: metho: unknown key, did you mean 'method'?"),
        ("trian.steps=4", "command line: trian: unknown key, did you mean 'train'?"),
        ("data.domian_a.channels=1", "command line: data.domian_a: unknown key, did you mean 'domain_a'?"),
        ("method.genrator.norm=batch", "command line: method.genrator: unknown key, did you mean 'generator'?"),
        ("base.data.root=x", "command line: base: write base: OTHER.yaml at the top of a file"),
        ("data=null", "command line: data: a section of keys (root, root_b, ...) belongs here, not None"),
        ("train=null", "command line: train: a section of keys (steps, epochs, ...) belongs here, not None"),
        ("train=[5]", "command line: train: a section of keys (steps, epochs, ...) belongs here, not [5]"),
        ("method.generator=unet", "command line: method.generator: a section of keys belongs here, not 'unet'; write {name: unet}"),
        ("method.generator=unnet", "command line: method.generator: a section of keys belongs here, not 'unnet'; write {name: unnet}"),
        ("method=cut", "command line: method: a section of keys belongs here, not 'cut'; write {name: cut}"),
    ],
)
def test_a_wrong_override_is_blamed_on_the_command_line(recipe: Path, override: str, expected: str) -> None:
    message = mistake(recipe, BASE, override)
    assert message.startswith(expected) and "FILE" not in message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("optim:\n  lr: -1\n", "FILE: optim.lr (line 5): Input should be greater than 0"),
        ("data:\n  crop_size: 300\n", "FILE: data (line 4): crop_size 300 is larger than load_size 286"),
        ("data: {domain_b: {chanels: 1}}\n", "FILE: data.domain_b.chanels (line 4): unknown key, did you mean 'channels'?"),
    ],
)
def test_a_mistake_of_the_file_is_blamed_on_its_line_whatever_is_overridden(recipe: Path, text: str, expected: str) -> None:
    assert mistake(recipe, BASE + text, "data.root=elsewhere", "optim.beta1=0").startswith(expected)


def test_a_misspelt_section_of_the_file_is_the_files_though_an_override_leads_into_it(recipe: Path) -> None:
    for section in ("{lr: 1}", ""):
        assert mistake(recipe, f"{BASE}optm: {section}\n", "optm.beta1=0").startswith("FILE: optm (line 4): unknown key")


def test_mistakes_of_both(recipe: Path) -> None:
    message = mistake(recipe, f"{BASE}optim: {{lr: 0}}\nlogging: {{every: 0}}\n", "train.stps=5")
    assert message.count("FILE") == 1 and message.count("command line") == 1
    file, command = message.split("; command line: ")
    assert file.startswith("FILE: optim.lr (line 4): ") or "FILE: " in command


def test_what_is_missing_is_the_files(recipe: Path) -> None:
    assert mistake(recipe, "method: {name: cut}\n", "data.root=x").startswith("FILE: run_dir: Field required; train: Field required")


@pytest.mark.parametrize(
    ("override", "near"),
    [
        ("method.adversarial=lsgn", "lsgan"),
        ("method.adversarial=LSGAN", "lsgan"),
        ("method.generator.name=unnet", "unet"),
        ("method.generator.name=coarse_to_fine", "coarse-to-fine"),
        ("method.discriminator.norm=Instance", "instance"),
        ("method.diffaugment=[colour]", "color"),
        ("optim.schedule=cos", "cosine"),
        ("data.preprocess=resize-and-crop", "resize_and_crop"),
        ("data.source=alligned", "aligned"),
        ("train.mixed_precision=bfloat16", "bf16"),
        ("validation.metrics=[ssmi]", "ssim"),
        ("validation.best=PSNR", "psnr"),
        ("method.perceptual_layers=[relu4-2]", "relu4_2"),
        ("method.name=Pix2Pix_HD", "pix2pixhd"),
        ("train.Batch-Size=2", "batch_size"),
    ],
)
def test_a_word_of_a_fixed_list_names_the_nearest(recipe: Path, override: str, near: str) -> None:
    assert f"did you mean {near!r}?" in mistake(recipe, BASE, override)


def test_keys_that_are_elsewhere(recipe: Path) -> None:
    assert "batch_size (line 4): unknown key; there is train.batch_size" in mistake(recipe, f"{BASE}batch_size: 4\n")
    for method, key in (("pix2pix", "cycle_weight_a"), ("cut", "replay_buffer")):
        *others, last = [name for name, config in CONFIGS.items() if key in config.model_fields]
        having = f"{', '.join(others)} and {last} have it" if others else f"{last} has it"
        words = mistake(recipe, BASE, f"method={{name: {method}, {key}: 3}}")
        assert f"method.{key}: {method} has no such key; {having}" in words


@pytest.mark.parametrize(
    ("recipe_name", "method", "keys"),
    [("pix2pix", "cyclegan", "l1_weight"), ("cyclegan", "cut", "cycle_weight_b"), ("smoke/pix2pix", "adain", "generator.name")],
)
def test_another_method_than_the_files(recipe_name: str, method: str, keys: str) -> None:
    path = ROOT / "configs" / f"{recipe_name}.yaml"
    with pytest.raises(UserError) as caught:
        load_config(path, [f"method.name={method}"], CONFIGS)
    message = str(caught.value)
    assert message.startswith(f"command line: method.name: the section method of {path} is for {Path(recipe_name).name}, and {method} does")
    assert keys in message and f"take the recipe {method}, or method='{{name: {method}}}'" in message
    assert (ROOT / "configs" / f"{method}.yaml").exists()
    assert load_config(path, [f"method={{name: {method}}}"], CONFIGS).method.name == method


@pytest.mark.parametrize(
    ("section", "before", "name", "key"),
    [("generator", "unet", "resnet", "num_downs"), ("discriminator", "patchgan", "pixel", "num_layers")],
)
def test_another_architecture_than_the_files(section: str, before: str, name: str, key: str, recipe: Path) -> None:
    text = f"run_dir: runs/x\ntrain: {{steps: 10}}\nmethod:\n  name: pix2pix\n  {section}: {{name: {before}, {key}: 3}}\n"
    message = mistake(recipe, text, f"method.{section}.name={name}", "train.stps=3")
    assert message.startswith(
        f"command line: method.{section}.name: the section method.{section} of FILE is for {before}, and {name} does not take its {key}; "
        f"take method.{section}='{{name: {name}}}' for the defaults of {name}"
    )
    assert "stps" in message and "; FILE" not in message
    assert getattr(load_config(recipe, [f"method.{section}={{name: {name}}}"], CONFIGS).method, section).name == name
    assert mistake(recipe, text.replace(before, name), f"method.{section}.name={name}").startswith(f"FILE: method.{section}.{key} (line 5)")


@pytest.mark.parametrize("key", ["include", "_base_", "defaults", "extends"])
def test_other_words_for_a_base_name_the_right_one(recipe: Path, key: str) -> None:
    message = mistake(recipe, f"run_dir: x\n{key}: configs/pix2pix.yaml\n", "train.steps=5")
    assert message.startswith(f"FILE: {key} (line 2): write base: OTHER.yaml at the top of a file")


@pytest.mark.parametrize("override", ["base=pix2pix", "method.base=pix2pix"])
def test_a_base_stands_at_the_top_of_a_file_alone(recipe: Path, override: str) -> None:
    message = mistake(recipe, f"{BASE}train2: 1\n", override)
    assert f"command line: {override.partition('=')[0]}: write base: OTHER.yaml at the top of a file" in message


def test_a_tag_that_would_include_a_file(recipe: Path) -> None:
    message = mistake(recipe, f"{BASE}data: !include data.yaml\n")
    assert "'!include'" in message and "write base: OTHER.yaml" in message
