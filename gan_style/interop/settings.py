"""The settings of a foreign network: found in its weights, or chosen where the weights do not show them, and told."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from gan_style.errors import UserError, nearest

V = TypeVar("V")


class Settings:
    """Collects settings and one line about each.

    given: key -> text, of `--set key=value`
    told: a line for each setting, and for what was left out of the weights
    """

    def __init__(self, given: Mapping[str, str] | None = None) -> None:
        self.given = dict(given or {})
        self.told: list[str] = []
        self._known: list[str] = []

    def found(self, key: str, value: V, why: str = "") -> V:
        """A setting that the weights show. `UserError` if another value is given."""
        self._known.append(key)
        if key in self.given and self.given[key] != _word(value):
            raise UserError(f"--set {key}={self.given[key]}: the weights show {_word(value)}{f', {why}' if why else ''}; leave it out")
        self.tell(key, value, why)
        return value

    def chosen(self, key: str, default: V, choices: Iterable[V], why: str = "the weights do not show it") -> V:
        """A setting that the weights do not show: the given one of `choices`, else the default."""
        self._known.append(key)
        words = {_word(choice): choice for choice in choices}
        if key not in self.given:
            others = ", ".join(word for word in words if word != _word(default))
            self.tell(key, default, f"by default: {why}; --set {key}={others.split(', ')[0]} otherwise" if others else why)
            return default
        if (text := self.given[key]) not in words:
            raise UserError(f"--set {key}={text}: is none of {', '.join(words)}{nearest(text, words)}")
        self.tell(key, words[text], "as given")
        return words[text]

    def text(self, key: str, default: str, why: str) -> str:
        """A setting of any text."""
        self._known.append(key)
        value = self.given.get(key, default)
        self.tell(key, value, "as given" if key in self.given else why)
        return value

    def whole(self, key: str, default: int, low: int, high: int, why: str) -> int:
        """A whole number that the weights do not show."""
        value = self.text(key, str(default), why)
        if not (value.isdecimal() and len(value) < 12 and low <= int(value) <= high):
            raise UserError(f"--set {key}={value}: is no whole number from {low} to {high}")
        return int(value)

    def tell(self, key: str, value: Any, why: str = "") -> None:
        """Add a line."""
        self.told.append(f"{key:16}{_word(value)}{f' ({why})' if why else ''}")

    def check_all_used(self) -> None:
        """`UserError` for a given key that no setting has."""
        for key in self.given:
            if key not in self._known:
                raise UserError(
                    f"--set {key}: these weights have no such setting{nearest(key, self._known)}; there are {', '.join(self._known)}"
                )


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
