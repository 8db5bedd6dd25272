"""Settings that give a network's weights their meaning, compared between a file and a run that begins from it."""

from collections.abc import Iterator, Mapping
from typing import Any

from gan_style.errors import short

_WITHOUT_MEANING = ("init", "init_gain", "dropout", "activation_checkpointing")  # for weights that are drawn or trained already
_OF_INPUTS = ("labels", "domain_names")  # what the channels of the input stand for


def other_settings(theirs: Mapping[str, Any], ours: Mapping[str, Any], role: str) -> Iterator[str]:
    """The settings in which two sections `method` differ for a network, in words. They may be meant, so a run tells them.

    theirs: of a file, with the keys that it has; role: `generator`, `discriminator`, ...
    """
    before, now = theirs.get(role), ours.get(role)
    if isinstance(before, Mapping) and isinstance(now, Mapping) and before.get("name") == now.get("name"):
        for key in sorted(now.keys() & before.keys() - {*_WITHOUT_MEANING}):
            if before[key] != now[key]:
                yield f"{key} is {short(now[key])}, and {short(before[key])} in the file"
    for key in _OF_INPUTS:
        if key in theirs and key in ours and theirs[key] != ours[key]:
            yield f"{key} are other ones in the file, so channels of its input may have another meaning"
