"""Weights of other projects, in and out. `read_foreign` is the door for other rooms."""

from gan_style.interop.foreign import Foreign
from gan_style.interop.projects import PROJECTS, read_foreign

__all__ = ["PROJECTS", "Foreign", "read_foreign"]
