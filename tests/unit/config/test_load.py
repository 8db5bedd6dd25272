"""From YAML and overrides to a checked configuration; every mistake is a UserError that names its key."""

import os
from pathlib import Path

import pytest
from recipes import BASE, load, mistake

from gan_style.config.continuing import differences
from gan_style.config.load import dump_config, flatten
from gan_style.config.yaml_file import MAX_CONFIG_BYTES, read_yaml
from gan_style.methods import CONFIGS


def test_a_misspelt_key_names_the_nearest(recipe: Path) -> None:
    message = mistake(recipe, "train.batchsize=4")
    assert message.startswith("command line: ") and str(recipe) not in message
    assert "train.batchsize: unknown key, did you mean 'batch_size'?" in message


def test_a_misspelt_key_deep_inside(recipe: Path) -> None:
    assert "method.generator.num_down: unknown key, did you mean 'num_downs'?" in mistake(recipe, "method.generator.num_down=5")
    assert "data.domain_b.chanels: unknown key, did you mean 'channels'?" in mistake(recipe, "data.domain_b.chanels=1")
    assert "optimizer: unknown key, did you mean 'optim'?" in mistake(recipe, "optimizer.lr=1")


def test_an_unknown_key_like_no_other_lists_those_there_are(recipe: Path) -> None:
    message = mistake(recipe, "logging.zzz=1")
    assert "logging.zzz: unknown key" in message
    assert "samples_every" in message and "trackers" in message


def test_the_configuration_of_a_run_of_an_earlier_version_can_be_read(recipe: Path) -> None:
    assert load(recipe, "logging.tensorboard=false").logging.trackers == []


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("train.steps=many", "train.steps: must be a whole number, not 'many'"),
        ("train.steps=1e5", "train.steps: must be a whole number, not '1e5'; write 100000"),
        ("train.steps=2.5", "train.steps: must be a whole number, not 2.5"),
        ("train.steps=0", "train.steps: must be at least 1, not 0"),
        ("optim.lr=-1", "optim.lr: must be above 0, not -1"),
        ("optim.lr=.inf", "inf is not a finite number"),
        ("data.flip=maybe", "data.flip: must be true or false, not 'maybe'"),
        ("data.root=[a]", "data.root: must be text, not ['a']"),
        ("train.dtype=half", "train.dtype: must be 'float32' or 'float64', not 'half'"),
        ("train.mixed_precision=on", "train.mixed_precision: must not be true; YAML also reads on and yes as true"),
        ("train.steps=on", "train.steps: must not be true"),
        ("method.direction=b2b", "method.direction: must be 'a2b' or 'b2a'"),
        ("data=5", "data: a section of keys (root, root_b, ...) belongs here, not 5"),
        ("data.transforms={name: Rotate}", "data.transforms: must be a list"),
        ("data.crop_size=300", "crop_size 300 is larger than load_size 286"),
        ("train.steps=null", "the run has no length: set steps, epochs or minutes"),
        ("train.minutes=15", "minutes and steps set the length twice: leave minutes out, or set steps to null"),
        ("train.ema_warmup=0.05", "ema_warmup without a moving average: set ema_decay too"),
        ("optim.player_lr.discriminator=0", "optim.player_lr.discriminator: must be above 0, not 0"),
        ("optim.player_lr.discriminator=on", "optim.player_lr: a learning rate must be a number"),
        ("optim.player_lr=0.1", "optim.player_lr: must be a mapping, {name: value}, not 0.1"),
        ("method.diffaugment=[colour]", "method.diffaugment.0: must be 'color', 'translation' or 'cutout', not 'colour'"),
        ("method.adversarial=wgan-gp", "method.adversarial: must be 'vanilla', 'non-saturating', 'lsgan', 'hinge' or 'wgan'"),
        ("method.adversarial=wgan", "wgan needs a bound on the slope of its critic: set gradient_penalty_weight"),
        ("method.critic_steps=0", "method.critic_steps: must be at least 1, not 0"),
        ("logging.trackers=[wandb, wandb]", "logging.trackers: a tracker is named twice"),
        (
            "logging.trackers=[wandbb]",
            "logging.trackers.0: must be 'tensorboard', 'wandb', 'mlflow' or 'trackio', not 'wandbb'",
        ),
        ("logging.trackers=wandb", "logging.trackers: must be a list, not 'wandb'; write [wandb]"),
        ("logging.tensorboard=true", "tensorboard has become one of several trackers: write trackers: [tensorboard] in its place"),
    ],
)
def test_wrong_values_are_named(recipe: Path, override: str, expected: str) -> None:
    assert expected in mistake(recipe, override)


def test_several_mistakes_in_one_line(recipe: Path) -> None:
    message = mistake(recipe, "train.stps=5", "optim.lr=0", "method.generator.norm=layer")
    assert "train.stps: unknown key, did you mean 'steps'?" in message
    assert "optim.lr: must be above 0" in message
    assert "method.generator.norm:" in message


def test_methods_are_named(recipe: Path) -> None:
    assert "method.name: 'pixtopix' is not a method, did you mean 'pix2pix'?; there are" in mistake(recipe, "method.name=pixtopix")
    assert "is missing" in mistake(recipe, "method={}")
    assert "method: a section of keys belongs here, not 'pix2pix'" in mistake(recipe, "method=pix2pix")
    assert "5 is not a method" in mistake(recipe, "method.name=5")


def test_missing_keys(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("method: {name: cyclegan}\n", encoding="utf-8")
    message = mistake(path)
    assert "run_dir: is missing" in message and "train: is missing" in message


def test_files_that_are_none(tmp_path: Path) -> None:
    assert "no such file" in mistake(tmp_path / "absent.yaml")
    assert "a folder, not a configuration" in mistake(tmp_path)
    for content, expected in [
        (b"", "holds nothing, not a mapping"),
        (b"- a\n- b\n", "holds a list, not a mapping"),
        (b"pix2pix", "holds text, not a mapping"),
        (b"a: [1, 2", "not valid YAML"),
        (b"a: b: c", "not valid YAML"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "cannot be read as text"),
        (b"a: \x07", "not valid YAML"),
        (b"a: 1\n---\nb: 2\n", "not valid YAML"),
        (b"a: !!python/object/apply:os.system [echo]", "not valid YAML"),
        (b"run_dir: 2024-01-31", "2024-01-31 is read as a date, not as text: quote it"),
        (b"on: 1", "the key true is read as a boolean, not as text: quote it"),
        (b"x" * (MAX_CONFIG_BYTES + 1), "bytes that a configuration may have"),
    ]:
        path = tmp_path / "c.yaml"
        path.write_bytes(content)
        message = mistake(path)
        assert message.startswith(f"{path}: ") and expected in message


@pytest.mark.parametrize(
    "text",
    [
        *("2001-13-45", "9" * 5000, "0x" + "f" * 6000, "1" + ":59" * 2000 + ".5", ".nan", "-.inf"),
        *("!!int foo", "!!timestamp foo", "!!bool foo", "!!float x", "!!int ''", "!!binary aGk=", "!!set {a, b}"),
        *("{1: 2}", "{[a]: 2}", "&a [*a]", "&a {b: *a}", "[" * 1000, "{a: " * 40 + "1" + "}" * 40),
    ],
)
def test_what_yaml_stumbles_over_is_the_users_mistake(recipe: Path, text: str) -> None:
    message = mistake(recipe, f"data.root={text}")
    assert "data.root=" in message and len(message) < 700
    recipe.write_text(f"{BASE}data: {{root: {text}}}\n", encoding="utf-8")
    assert mistake(recipe).startswith(f"{recipe}: ")


@pytest.mark.parametrize("pattern", ["{name}: &{name} [{copies}]", "{name}: &{name} {{<<: [{copies}]}}"])
def test_aliases_that_unfold_to_gigabytes_are_refused(recipe: Path, pattern: str) -> None:
    lines = ["l0: &l0 {x: lol}"]
    lines += [pattern.format(name=f"l{depth}", copies=", ".join([f"*l{depth - 1}"] * 10)) for depth in range(1, 11)]
    recipe.write_text("\n".join(lines), encoding="utf-8")
    assert "by its aliases" in mistake(recipe)


def test_long_values_are_cut_in_messages(recipe: Path) -> None:
    recipe.write_text(f"{BASE}optim: {{lr: {'x' * 100_000}}}\n", encoding="utf-8")
    assert len(mistake(recipe)) < 500


def test_only_some_of_many_mistakes_are_named(recipe: Path) -> None:
    recipe.write_text(BASE + "\n".join(f"key{number}: 1" for number in range(1000)), encoding="utf-8")
    message = mistake(recipe)
    assert "key0 (line 4): unknown key" in message and message.endswith("; and 992 more") and len(message) < 2000


@pytest.mark.skipif(os.name == "nt", reason="POSIX files")
def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    assert "not a regular file" in mistake(tmp_path / "pipe.yaml")
    assert "not a regular file" in mistake(Path("/dev/zero"))
    assert "NUL" in mistake(Path("a\0b"))
    assert "File name too long" in mistake(tmp_path / ("x" * 300))


@pytest.mark.parametrize("method", CONFIGS)
def test_dump_and_load(tmp_path: Path, recipe: Path, method: str) -> None:
    config = load(
        recipe,
        f"method={{name: {method}}}",
        "optim.lr=1e-7",
        "data.domain_a.labels=no",
        "data.transforms=[{name: Rotate, limit: [-5, 5.5]}]",
    )
    path = tmp_path / "dumped.yaml"
    path.write_text(dump_config(config), encoding="utf-8")
    assert load(path) == config
    assert differences(read_yaml(path), config.model_dump(mode="json")) == []


def test_flatten() -> None:
    assert flatten({"a": {"b": {"c": 1}, "d": [1, {"e": 2}]}, "f": None}) == {"a.b.c": 1, "a.d": [1, {"e": 2}], "f": None}
