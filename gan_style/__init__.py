"""gan_style: image-to-image translation with GANs, trained on folders of images and served by one file.

From Python: `gan_style.train(config)` trains, `gan_style.load(bundle)` gives a function from pictures to pictures
(docs/guide/python.md). Each name is loaded when it is first used: `import gan_style` loads neither torch nor anything else.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gan_style.version import VERSION

if TYPE_CHECKING:
    from gan_style.errors import UserError as UserError
    from gan_style.training import TrainedRun as TrainedRun
    from gan_style.training import train as train
    from gan_style.translation.trained import TrainedTranslator as TrainedTranslator
    from gan_style.translation.trained import load as load

__version__ = VERSION

_HOMES = {
    "TrainedRun": "gan_style.training",
    "TrainedTranslator": "gan_style.translation.trained",
    "UserError": "gan_style.errors",
    "load": "gan_style.translation.trained",
    "train": "gan_style.training",
}
__all__ = ["TrainedRun", "TrainedTranslator", "UserError", "load", "train"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'gan_style' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
