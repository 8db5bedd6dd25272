"""The domains of a labelled set, as the configuration names them and as training finds them."""

import pytest

from gan_style.config.domain_names import MAX_DOMAINS, with_domain_names
from gan_style.errors import UserError
from gan_style.methods.stargan import StarGANConfig

FOUND = ("blue", "green", "red")


@pytest.mark.parametrize("given", [None, ["blue", "green", "red"], ["red", "blue", "green"]])
def test_the_order_is_that_of_the_training_images_whose_labels_it_gives(given: list[str] | None) -> None:
    assert with_domain_names(StarGANConfig(domain_names=given), FOUND).domain_names == list(FOUND)


def test_other_names_are_refused() -> None:
    with pytest.raises(UserError, match=r"^method\.domain_names: the training images are of blue, green, red; give these names"):
        with_domain_names(StarGANConfig(domain_names=["blue", "white"]), FOUND)


def test_more_than_a_bundle_holds_are_refused() -> None:
    with pytest.raises(UserError, match=rf"have {MAX_DOMAINS + 1} classes, and stargan takes {MAX_DOMAINS} at most; join some folders"):
        with_domain_names(StarGANConfig(), tuple(map(str, range(MAX_DOMAINS + 1))))
