"""Do the checks of `games`, `contrast` and `domains` complain of a method in which a mistake was made on purpose?"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import contrast
import domains
import games
from tiny import make_method, tiny_config

CONTRASTED = ("cut", "dclgan", "dual")
SEVERAL_DOMAINS = ("stargan", "each_domain")
CHECKS: list[Callable[[Any], Any]] = [
    games.check_each_judge_sees_the_domain_that_it_judges,
    games.check_each_translation_fools_its_judge,
    games.check_the_game_has_two_sides,
    games.check_what_comes_back_is_compared_with_what_it_was,
    games.check_a_pair_is_drawn_together,
    games.check_nothing_is_drawn_from_global_generators,
]
OF_PATCHES: list[Callable[[Any], Any]] = [contrast.check_patches_are_compared_with_their_source]
OF_DOMAINS: list[Callable[[Any], Any]] = [
    domains.check_each_image_is_led_to_its_domain,
    domains.check_terms_are_means_over_the_whole_batch,
    domains.check_every_network_learns_from_every_micro_batch,
]


def complaints(name: str, mistake: Callable[[Any], None], folder: Path) -> Iterator[str]:
    """What each check says of a method with this mistake, as far as it is asked for."""
    for check in [*(OF_PATCHES if name in CONTRASTED else []), *(OF_DOMAINS if name in SEVERAL_DOMAINS else []), *CHECKS]:
        method = make_method(tiny_config(name, folder))
        mistake(method)
        try:
            check(method)
        except AssertionError as complaint:
            yield str(complaint)


def seen(name: str, mistake: Callable[[Any], None], folder: Path) -> bool:
    """Does any check complain? Those after it are not asked."""
    return next(complaints(name, mistake, folder), None) is not None


def real_called_fake(method: Any) -> None:
    """Both kinds of images are taken for translations."""
    side = method.adversary.discriminators_side
    method.adversary.discriminators_side = lambda scores, is_real: side(scores, False)


def targets_exchanged(method: Any) -> None:
    side = method.adversary.discriminators_side
    method.adversary.discriminators_side = lambda scores, is_real: side(scores, not is_real)


def generators_help(method: Any) -> None:
    """Generators want their translations found out."""
    side = method.adversary.generators_side
    method.adversary.generators_side = lambda scores, is_real: -side(scores, is_real)
