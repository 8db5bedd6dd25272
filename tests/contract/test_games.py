"""The sign of every player's game, for every method found by name: `games` and `contrast` say what is checked."""

from pathlib import Path
from typing import Any

import contrast
import games
import pytest
from tiny import PATCHES, make_method, tiny_config

from gan_style.methods import CONFIGS, METHODS
from gan_style.methods.adversarial import AdversarialConfig

ALL = sorted(METHODS)
JUDGED = [name for name in ALL if "discriminator" in CONFIGS[name].model_fields]
CONTRASTED = [name for name in ALL if "num_patches" in CONFIGS[name].model_fields]
MANY: dict[str, Any] = {"instance_noise": 0.1, "diffaugment": ["color", "translation", "cutout"], "r1_weight": 1.0, "r1_every": 1}


@pytest.mark.parametrize("name", JUDGED)
def test_discriminators_judge_their_own_domain(name: str, tmp_path: Path) -> None:
    judged = games.check_each_judge_sees_the_domain_that_it_judges(make_method(tiny_config(name, tmp_path)))
    assert judged
    for network, direction in judged.items():
        assert not network.endswith(("_a", "_b")) or network.endswith(f"_{direction[-1]}"), f"{network} judges {direction}"


@pytest.mark.parametrize("name", JUDGED)
def test_the_right_discriminator_is_fooled(name: str, tmp_path: Path) -> None:
    games.check_each_translation_fools_its_judge(make_method(tiny_config(name, tmp_path)))


@pytest.mark.parametrize("adversarial", ["the method's", "hinge"])
@pytest.mark.parametrize("name", JUDGED)
def test_what_one_side_wins_the_other_loses(name: str, adversarial: str, tmp_path: Path) -> None:
    changes = {} if adversarial == "the method's" else {"adversarial": adversarial}
    games.check_the_game_has_two_sides(make_method(tiny_config(name, tmp_path, method=changes)))


@pytest.mark.parametrize("name", ALL)
def test_cycles_and_identities_draw_images_to_what_they_were(name: str, tmp_path: Path) -> None:
    games.check_what_comes_back_is_compared_with_what_it_was(make_method(tiny_config(name, tmp_path)))


@pytest.mark.parametrize("name", ALL)
def test_pairs_are_drawn_together(name: str, tmp_path: Path) -> None:
    games.check_a_pair_is_drawn_together(make_method(tiny_config(name, tmp_path)))


@pytest.mark.filterwarnings("ignore:gradient_penalty_weight and r1_weight")
@pytest.mark.parametrize("name", ALL)
def test_nothing_is_drawn_from_global_generators(name: str, tmp_path: Path) -> None:
    changes: dict[str, Any] = MANY if issubclass(CONFIGS[name], AdversarialConfig) else {}
    games.check_nothing_is_drawn_from_global_generators(make_method(tiny_config(name, tmp_path, method=changes)))


@pytest.mark.parametrize("name", CONTRASTED)
def test_patches_are_compared_with_their_source(name: str, tmp_path: Path) -> None:
    config = tiny_config(name, tmp_path)
    assert config.method.num_patches == PATCHES
    contrast.check_patches_are_compared_with_their_source(make_method(config))
