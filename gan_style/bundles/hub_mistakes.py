"""What goes wrong with the Hugging Face hub, in one line each: access, names, network, disk.

huggingface_hub is an extra. It finds the token by its own ways (`hf auth login`, HF_TOKEN); no message here holds it.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from gan_style.errors import UserError, one_line
from gan_style.version import VERSION

LOG_IN = "(hf auth login, or HF_TOKEN)"
_MAX_SAID = 300  # characters of the hub's own words


def client(what: str) -> Any:
    """The client of huggingface_hub, a `HfApi`. what: needs it, for the `UserError` where the extra is missing"""
    try:
        hub: Any = import_module("huggingface_hub")
    except ImportError:
        raise UserError(f"{what}: needs huggingface_hub: pip install 'gan_style[hub]'") from None
    return hub.HfApi(library_name="gan_style", library_version=VERSION)


@contextmanager
def in_one_line(what: str, writing: bool = False) -> Iterator[None]:
    """While entered, what fails at the hub, on the way to it, or on the disk becomes a `UserError` that begins with `what`."""
    try:
        yield
    except UserError:
        raise
    except Exception as problem:
        words = _words(problem, writing)
        if words is None:
            raise
        raise UserError(f"{what}: {words}") from None


def unreachable(problem: Exception) -> str:
    """Why the hub gives no answer, in words; empty if it has answered, or the problem is another one."""
    errors: Any = import_module("huggingface_hub.errors")
    if isinstance(problem, errors.OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE is set"
    if isinstance(problem, errors.HfHubHTTPError):
        status = problem.response.status_code  # pyright: ignore[reportAttributeAccessIssue]
        return f"it answers {status}" if status >= 500 else ""
    if isinstance(problem, errors.HTTPError):
        return _said(f"{type(problem).__name__}: {problem}")
    return ""


def _words(problem: Exception, writing: bool) -> str | None:
    """The problem and what to do, in words; None if it is a fault of ours."""
    errors: Any = import_module("huggingface_hub.errors")
    if why := unreachable(problem):
        return f"the hub cannot be reached ({why}); check the network and HF_ENDPOINT, or try again later"
    for kind, words in (
        (errors.GatedRepoError, f"is gated: ask for access on its page, then log in {LOG_IN}"),
        (errors.RepositoryNotFoundError, f"is not there, or is private: check the name, or log in {LOG_IN}"),
        (errors.RevisionNotFoundError, "has no such revision: name a branch, a tag or a commit of it"),
        (errors.EntryNotFoundError, "has no such file, and none is in the cache: look at its page"),
        (errors.LocalTokenNotFoundError, f"needs an account: log in {LOG_IN}"),
    ):
        if isinstance(problem, kind):
            return words
    if isinstance(problem, errors.HfHubHTTPError):
        return _answer(problem, writing)
    if isinstance(problem, OSError):
        return _of_the_disk(problem)
    if isinstance(problem, ValueError):  # names and cards that the hub or its client refuses
        return f"is refused ({_said(str(problem))})"
    if isinstance(problem, RuntimeError) and isinstance(problem.__cause__, Exception):  # of an upload's thread
        return _words(problem.__cause__, writing)
    return None


def _answer(problem: Any, writing: bool) -> str:
    """The hub's refusal by the status of its answer."""
    status = problem.response.status_code
    if status == 401:
        return f"the hub knows no such token, or there is none: log in {LOG_IN}"
    if status == 403:
        return f"the token may not {'write' if writing else 'read'} here: log in with one that may {LOG_IN}"
    if status == 429:
        return "too many requests: wait some minutes, and try again"
    said = _said(problem.server_message or "")
    return f"the hub refuses with status {status}{f' ({said})' if said else ''}; look at its page, or try again later"


def _of_the_disk(problem: OSError) -> str:
    constants: Any = import_module("huggingface_hub.constants")
    if problem.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"no room in the cache {constants.HF_HUB_CACHE}; make room, or set HF_HOME to a folder on another disk"
    if problem.errno is None:  # a transfer that ended early
        return f"was not transferred whole ({_said(str(problem))}); try again"
    return f"cannot be kept in the cache {constants.HF_HUB_CACHE} ({problem.strerror}); set HF_HOME to a folder that can be written"


def _said(text: str) -> str:
    """The beginning of someone else's words, on one line."""
    line = one_line(text.strip())
    return line if len(line) <= _MAX_SAID else f"{line[:_MAX_SAID]} ..."
