"""What a server refuses: an HTTP status and one line."""

import re
from collections.abc import Mapping

from gan_style.errors import UserError, one_line
from gan_style.files.bounded import TooLarge
from gan_style.machine.memory import OutOfMemory

BAD, UNAUTHORIZED, NOT_FOUND, SLOW_BODY, TOO_LARGE, MEDIA, UNREADABLE = 400, 401, 404, 408, 413, 415, 422
FULL, LEFT, FAULT, UNAVAILABLE, LATE = 429, 499, 500, 503, 504
RETRY_AFTER = 1  # seconds


class Refusal(Exception):
    """A request that is not answered with a picture. status: of HTTP; headers: beside those of every answer"""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, in_words_of_http(message), dict(headers or {})


def in_words_of_http(message: str) -> str:
    """One line that names options as the query does: `--keep-resized` is `keep_resized`."""
    named = re.sub(r"--([a-z]+(?:-[a-z]+)*)", lambda found: found[1].replace("-", "_"), one_line(message))
    return named.replace("infer.py ", "")


def refusal_of(mistake: UserError, status: int = UNREADABLE, what: str = "") -> Refusal:
    """The refusal for a mistake of translation. status: where its type does not tell; what: begins the message"""
    if isinstance(mistake, OutOfMemory):
        return Refusal(UNAVAILABLE, f"{what}{mistake}", {"Retry-After": str(RETRY_AFTER)})
    return Refusal(TOO_LARGE if isinstance(mistake, TooLarge) else status, f"{what}{mistake}")
