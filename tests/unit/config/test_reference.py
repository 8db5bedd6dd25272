"""The page of configuration keys: complete, true, and the same as the committed one."""

import json
from pathlib import Path
from typing import Literal

import pytest
import warm
from pydantic import Field

from gan_style.config.load import flatten
from gan_style.config.network import kinds_of
from gan_style.config.reference import config_reference
from gan_style.config.schema import DataConfig, LoggingConfig, MethodConfig, OptimConfig, TrainConfig
from gan_style.methods import CONFIGS
from gan_style.networks import GENERATORS, GeneratorConfig
from gan_style.networks.generators.unet import UnetConfig

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs/guide/config.md"


class WovenConfig(MethodConfig):
    """A method for this test."""

    name: Literal["woven"] = Field("woven", description="Threads.")
    generator: GeneratorConfig = Field(default=UnetConfig(dropout=True), description="The loom.")
    weight: float | None = Field(2.5, gt=0, le=9, description="Either a | or b.")
    shape: Literal["twill", "plain"] = Field("twill", description="The weave.")


def cells(page: str, key: str) -> list[str]:
    """The row of a key: type, default, meaning."""
    row = next(line for line in page.splitlines() if line.startswith("| ") and f"`{key}`" in line.split(" | ")[0])
    return row.strip("| ").replace("\\|", "¦").split(" | ")[1:]


def test_committed_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == config_reference(CONFIGS), "run python -m gan_style keys > docs/guide/config.md"


def test_command_prints_the_page(tmp_path: Path) -> None:
    printed = tmp_path / "config.md"
    process = warm.start(["-m", "gan_style", "keys"], tmp_path, {"PYTHONIOENCODING": "utf-8"}, stdout=printed)
    assert process.wait() == 0 and printed.read_bytes() == PAGE.read_bytes()


@pytest.mark.parametrize(
    ("section", "config"), [("data", DataConfig()), ("optim", OptimConfig()), ("train", TrainConfig(steps=1)), ("logging", LoggingConfig())]
)
def test_every_key_has_its_row_default_and_meaning(section: str, config: DataConfig | OptimConfig | TrainConfig | LoggingConfig) -> None:
    page = config_reference(CONFIGS)
    expected = flatten({section: config.model_dump()})
    assert len(expected) >= 4
    for key, value in expected.items():
        if key == "train.steps":
            value = None
        _, default, meaning = cells(page, key)
        assert default == f"`{value if isinstance(value, str) else json.dumps(value)}`", key
        assert len(meaning) > 10, key


@pytest.mark.parametrize("method", CONFIGS)
def test_every_key_of_every_method_has_a_row(method: str) -> None:
    page = config_reference(CONFIGS)
    for key in flatten({"method": CONFIGS[method]().model_dump()}):
        assert cells(page, key)


def test_types_ranges_and_departures_of_a_method() -> None:
    page = config_reference({"woven": WovenConfig})
    assert cells(page, "method.weight") == ["number, above 0, at most 9, or null", "`2.5`", "Either a ¦ or b."]
    assert cells(page, "method.shape") == ["`twill`, `plain`", "`twill`", "The weave."]
    assert cells(page, "method.generator") == [
        ", ".join(f"`{name}`" for name in GENERATORS),
        "`name: unet`, `dropout: true`, the rest as below",
        "The loom.",
    ]
    assert cells(page, "train.seed")[0] == "whole number, at least 0, below 2^63"
    assert cells(page, "run_dir")[:2] == ["text", "required"]
    assert "## `method` of woven\n\nA method for this test.\n" in page
    assert "pix2pix," not in page


def test_each_network_has_one_chapter() -> None:
    page = config_reference(CONFIGS)
    networks = [kind for config in CONFIGS.values() for field in config.model_fields.values() for kind in kinds_of(field).values()]
    assert len(networks) > 10
    for kind in set(networks):
        name = kind.model_fields["name"].default
        chapters = [text for text in page.split("\n## ") if f"tor.name` | `{name}` |" in text]
        assert all(f"`{name}` of " in text.partition("\n")[0] for text in chapters), name
        assert len(chapters) == len({each for each in networks if each.model_fields["name"].default == name}), name
    assert "## `method.generator` `resnet` of pix2pix, pix2pixhd, cyclegan, cut" in page


def test_sections_of_two_places_share_a_chapter() -> None:
    page = config_reference(CONFIGS)
    assert page.count("## `data.domain_a`, `data.domain_b`\n") == 1
    assert cells(page, "data.domain_a.channels") == cells(page, "data.domain_b.channels")


def test_rows_have_four_cells() -> None:
    rows = [line for line in config_reference(CONFIGS).splitlines() if line.startswith("| `") and "." in line.split(" | ")[0]]
    rows = [row for row in rows if "=" not in row.split(" | ")[0]]
    assert len(rows) > 50
    assert {len(row.replace("\\|", "").strip("| ").split(" | ")) for row in rows} == {4}
