"""What the user of `gan-style train FOLDER` asks for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MINUTES = 60.0  # where the user names no time


@dataclass(frozen=True)
class Wish:
    """What the user fixed: minutes, if any, and keys, as a tree."""

    minutes: float | None = None
    keys: Mapping[str, Any] = field(default_factory=dict)

    def sets(self, dotted: str) -> bool:
        """Did the user set this key, or a section with it?"""
        tree: Any = self.keys
        for part in dotted.split("."):
            if not isinstance(tree, Mapping) or part not in tree:
                return False
            tree = tree[part]
        return True

    def get(self, dotted: str) -> Any:
        """The value of a key that the user set; None if he did not."""
        tree: Any = self.keys
        for part in dotted.split(".") if self.sets(dotted) else ():
            tree = tree[part]
        return tree if self.sets(dotted) else None

    @property
    def time(self) -> float:
        """The minutes that the run may take."""
        return self.minutes or self.get("train.minutes") or MINUTES

    @property
    def method(self) -> str:
        """The name of the method that the user set; empty if he did not."""
        return self.get("method.name") or ""

    @property
    def steps(self) -> int | None:
        """The steps that the user asked for in place of minutes."""
        return self.get("train.steps")
