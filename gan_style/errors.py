"""The user's mistakes and their messages."""

import difflib
import reprlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

MAX_LINE = 3000  # characters of a message


class UserError(Exception):
    """A mistake that the user can correct. The message is one line that names the file, key or option and says what to do."""


def one_line(text: str) -> str:
    """`text` on one line for a terminal: line breaks become spaces, other unprintable characters escapes; a long text is cut.

    Names of files and texts from files may hold anything: control sequences, lone surrogates, a megabyte.
    """
    if len(text) > MAX_LINE:
        text = f"{text[: MAX_LINE // 2]} ... {text[-MAX_LINE // 2 :]}"
    line = " ".join(text.splitlines())
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in line)


def nearest(word: str, known: Iterable[str]) -> str:
    """`, did you mean 'x'?` if one of the known words is close, else "". Capitals, `-` and `_` make no difference."""
    plain = {_plain(each): each for each in known}
    matches = difflib.get_close_matches(_plain(word), plain, n=1)
    return f", did you mean {plain[matches[0]]!r}?" if matches else ""


def short(value: Any) -> str:
    """A value as a message quotes it: as in YAML for null, true and false, as in Python for the rest. A long value is cut."""
    return _SHORT.repr(value)


def wrong_value(error: Mapping[str, Any]) -> str:
    """What is wrong with one value, in words that quote it. error: one of `pydantic.ValidationError.errors()`"""
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    if kind == "value_error":
        return error["msg"].removeprefix("Value error, ")
    if kind == "missing":
        return "is missing; set it"
    if kind == "extra_forbidden":
        return "unknown key"
    if kind == "literal_error":
        return f"must be {context['expected']}, not {short(value)}{nearest(str(value), context['expected'].split(chr(39))[1::2])}"
    if kind.startswith("union_tag"):
        key = context["discriminator"].strip("'")
        return f"{key} must be one of {context['expected_tags']}, not {short(context['tag'])}" if "tag" in context else f"{key} is missing"
    if kind in ("too_short", "too_long"):
        bound, count = ("at least", context["min_length"]) if kind == "too_short" else ("at most", context["max_length"])
        return f"must have {bound} {count} {'entry' if count == 1 else 'entries'}, not {context['actual_length']}"
    if kind == "string_too_short" and context["min_length"] == 1:
        return "must not be empty"
    if kind in _BOUNDS:
        bound, limit = _BOUNDS[kind]
        return f"must be {bound} {_number(context[limit])}, not {short(value)}"
    for beginning, words in _TYPES.items():
        if kind.startswith(beginning):
            return f"must be {words}, not {short(value)}{_advice(kind, value)}"
    return f"cannot be {short(value)}"


def wrong_values(errors: Sequence[Mapping[str, Any]]) -> str:
    """What is wrong with one value that is of none of several types. errors: of pydantic, one for each type"""
    value = f", not {short(errors[0]['input'])}"
    said = [wrong_value(error).removeprefix("must be ").partition(value) for error in errors]
    advice = [words for _, _, words in said if words]
    return f"must be {' or '.join(dict.fromkeys(wanted for wanted, _, _ in said))}{value}{advice[0] if advice else ''}"


_BOUNDS = {
    "greater_than": ("above", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("below", "lt"),
    "less_than_equal": ("at most", "le"),
}
# How the types of pydantic's errors begin -> what the value must be. `date_type` and the like are no types of a configuration.
_TYPES = {
    "int": "a whole number",
    "float": "a number",
    "finite_number": "a finite number",
    "bool": "true or false",
    "string_type": "text",
    "list": "a list",
    "tuple": "a list",
    "dict": "a mapping, {name: value}",
    "model": "a section of keys",
}


def _advice(kind: str, value: Any) -> str:
    """What to write instead, where the value shows what was meant."""
    if kind == "int_parsing" and _is_whole(value):
        return f"; write {int(float(value))}"
    if kind == "string_type" and isinstance(value, int | float):
        return "; put it in quotes"
    if kind == "list_type" and isinstance(value, str):
        return f"; write [{value}]" if value.isidentifier() else "; write it in brackets"
    return ""


def _is_whole(text: str) -> bool:
    """Does a text hold a whole number in another notation, such as 1e5?"""
    try:
        return float(text).is_integer() and abs(float(text)) < 2**53
    except ValueError:
        return False


def _number(limit: float) -> str:
    return str(int(limit)) if float(limit).is_integer() else str(limit)


class _Short(reprlib.Repr):
    """Python's short texts of values, with YAML's words for null, true and false."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = 120

    def repr_NoneType(self, value: None, level: int) -> str:
        return "null"

    def repr_bool(self, value: bool, level: int) -> str:
        return "true" if value else "false"


_SHORT = _Short()


def _plain(word: str) -> str:
    return word.casefold().replace("_", "-")
