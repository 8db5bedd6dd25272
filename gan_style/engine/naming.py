"""Networks by name: one name for several, and one name for the networks that do the same in two methods."""

from collections.abc import Iterable, Mapping

from gan_style.types import Direction

_DOMAINS: Mapping[Direction, tuple[str, str]] = {"a2b": ("generator_ab", "discriminator_b"), "b2a": ("generator_ba", "discriminator_a")}


def named(name: str, networks: Iterable[str]) -> list[str]:
    """The networks that `name` means: the one of that name, else all whose names begin with it: `generator` means `generator_ab` too."""
    known = list(networks)
    return [name] if name in known else [each for each in known if each.startswith(f"{name}_")]


def two_way_name(name: str, direction: Direction) -> str:
    """The name of a network in a method with both directions.

    direction: that of the method's only generator. `generator` becomes `generator_ab` or `generator_ba`; `discriminator`, which judges
    translations, `discriminator_b` or `discriminator_a`. Other names stay as they are.
    """
    generator, discriminator = _DOMAINS[direction]
    return {"generator": generator, "discriminator": discriminator}.get(name, name)
