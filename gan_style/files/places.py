"""Paths as people write them: `~`, a user's home, and `${VAR}`, an environment variable."""

import os
import re


def expanded(text: str) -> str:
    """`text` with each `${VAR}` and a leading `~` or `~user` replaced. Nothing else changes, not even a `$` without braces.

    `ValueError` with one line if a variable is not set or a user does not exist: left unchanged, the text would name a folder.
    """
    place = re.sub(r"\$\{([^}]*)\}?", _value, text)
    if not place.startswith("~"):
        return place
    user = place.partition("/")[0]
    try:
        home = os.path.expanduser(user)  # noqa: PTH111 - Path.expanduser would change the rest of the path too
    except ValueError:  # the text cannot be a user's name
        home = user
    if home == user:
        raise ValueError(f"{text}: there is no user {user[1:]!r}; write ./{place} for a file of that name")
    return home + place[len(user) :]


def _value(found: re.Match[str]) -> str:
    name = found[1]
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) or not found[0].endswith("}"):
        raise ValueError(f"{found.string}: {found[0]!r} is no environment variable; write ${{NAME}}, or the path itself")
    if name not in os.environ:
        raise ValueError(f"{found.string}: the environment variable {name} is not set; set it, or write the path itself")
    return os.environ[name]
