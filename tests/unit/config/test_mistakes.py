"""A mistake is blamed on what wrote the value, and says what would do."""

import re
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from gan_style.config.load import load_config, parse_config
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
        ("train.steps=abc", "command line: train.steps: must be a whole number, not 'abc'"),
        ("train={steps: abc}", "command line: train.steps: must be a whole number, not 'abc'"),
        ("train.step=5", "command line: train.step: unknown key, did you mean 'steps'?"),
        ("method.name=pixtopix", "command line: method.name: 'pixtopix' is not a method, did you mean 'pix2pix'?"),
        ("method={}", "command line: method.name: names the method to train and is missing"),
        ("data.crop_size=300", "command line: data: crop_size 300 is larger than load_size 286"),
        ("method.adversarial=wgan", "command line: method: adversarial wgan needs a bound"),
        ("method.vgg.name=vgg11", "command line: method.vgg.name: must be 'vgg16' or 'vgg19', not 'vgg11'"),
        ("metho.l1_weight=3", "command line: metho: unknown key, did you mean 'method'?"),
        ("trian.steps=4", "command line: trian: unknown key, did you mean 'train'?"),
        ("data.domian_a.channels=1", "command line: data.domian_a: unknown key, did you mean 'domain_a'?"),
        ("method.genrator.norm=batch", "command line: method.genrator: unknown key, did you mean 'generator'?"),
        ("base.data.root=x", "command line: base: write base: OTHER.yaml at the top of a file"),
        ("data=null", "command line: data: a section of keys (root, root_b, ...) belongs here, not null"),
        ("train=null", "command line: train: a section of keys (steps, epochs, ...) belongs here, not null"),
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
        ("optim:\n  lr: -1\n", "FILE: optim.lr (line 5): must be above 0, not -1"),
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
    assert mistake(recipe, "method: {name: cut}\n", "data.root=x").startswith(
        "FILE: run_dir: is missing; set it; train: is missing; set it"
    )


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


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("optim.lr=fast", "must be a number, not 'fast'"),
        ("optim.lr=null", "must be a number, not null"),
        ("optim.lr=[1]", "must be a number, not [1]"),
        ("train.steps=1e5", "must be a whole number, not '1e5'; write 100000"),
        ("train.steps={a: on}", "must be a whole number, not {'a': true}"),
        ("train.steps=off", "must not be false; YAML also reads off and no as false, so put words in quotes"),
        ("data.flip=2", "must be true or false, not 2"),
        ("data.flip=null", "must be true or false, not null"),
        ("run_dir=2024", "must be text, not 2024; put it in quotes"),
        ("validation.features=''", "must not be empty"),
        ("validation.metrics=ssim", "must be a list, not 'ssim'; write [ssim]"),
        ("validation.metrics='a,b'", "must be a list, not 'a,b'; write it in brackets"),
        ("validation.metrics=[]", "must have at least 1 entry, not 0"),
        ("data.domain_a.colours=[red]", "'red' is no colour; write # and two digits (0-9, a-f) for each channel, such as '#ff8000'"),
        (f"data.domain_a.colours=[{', '.join(257 * ['x'])}]", "must have at most 256 entries, not 257"),
        ("data.transforms=[Rotate]", "must be a mapping, {name: value}, not 'Rotate'"),
        ("optim.beta1=1", "must be below 1, not 1"),
        ("train.seed=9223372036854775808", "must be below 9223372036854775808, not 9223372036854775808"),
        ("logging.samples=65", "must be at most 64, not 65"),
        ("logging.samples=-1", "must be at least 0, not -1"),
        ("optim.lr=0", "must be above 0, not 0"),
        ("optim.extend=5", "must be 'refuse', 'hold' or 'stretch', not 5"),
        ("method.generator.name=null", "pix2pix takes no network null here"),
    ],
)
def test_each_kind_of_wrong_value_is_quoted_and_says_what_would_do(recipe: Path, override: str, words: str) -> None:
    assert words in mistake(recipe, BASE, override)


LIBRARY = re.compile(r"\b(?:Input|String|List|Keys|Field|Extra|Value error|valid)\b|cannot be")
ODD = ["abc", "1e5", 2.5, -1, 0, 10**9, True, None, [], [1], ["a"], {"a": 1}, {}, [[1]], [{"a": 1}], "", ["#zz"], [1] * 300, {"name": 3}]


def keys(tree: dict[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, value in tree.items():
        yield (*above, key)
        if isinstance(value, dict):
            yield from keys(value, (*above, key))


@pytest.mark.parametrize("method", CONFIGS)
def test_no_value_of_any_key_is_refused_in_the_words_of_a_library(method: str) -> None:
    tree: dict[str, Any] = {"run_dir": "x", "method": {"name": method}, "train": {"steps": 10}}
    places = list(keys(parse_config(tree, "FILE", CONFIGS).model_dump(mode="json")))
    refused = 0
    for place in places if method == "pix2pix" else [place for place in places if place[0] == "method"]:
        for value in ODD:
            changed = deepcopy(tree)
            section = changed
            for key in place[:-1]:
                section = section.setdefault(key, {})
            section[place[-1]] = value
            try:
                parse_config(changed, "FILE", CONFIGS)
            except UserError as problem:
                refused += 1
                assert not LIBRARY.search(str(problem)), (place, value)
    assert refused > 5 * len(ODD)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("train.channels_last=2", "train.channels_last: must be 'auto' or true or false, not 2"),
        ("data.workers=many", "data.workers: must be 'auto' or a whole number, not 'many'"),
        ("data.workers=aut", "data.workers: must be 'auto' or a whole number, not 'aut', did you mean 'auto'?"),
        ("data.workers=-1", "data.workers: must be 'auto' or at least 0, not -1"),
        ("data.workers=true", "data.workers: must not be true; YAML also reads on and yes as true, so put words in quotes"),
    ],
)
def test_a_key_of_two_types_is_refused_once(recipe: Path, override: str, words: str) -> None:
    assert mistake(recipe, BASE, override).endswith(f": {words}")
