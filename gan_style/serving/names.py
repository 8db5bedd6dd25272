"""The names of the bundles that a server serves, and where it may listen. torch is not loaded."""

import ipaddress
from collections.abc import Sequence
from pathlib import Path

from gan_style.bundles.place import find_bundle, is_remote
from gan_style.errors import UserError
from gan_style.files.opening import refusal

TOKEN = "GAN_STYLE_TOKEN"  # the environment variable


def named_bundles(texts: Sequence[str]) -> dict[str, Path]:
    """Name -> bundle for the texts of --model, each `PATH` or `NAME=PATH`.

    A run folder and a repository of the hub give their own names, `RUN/bundles/b2a.safetensors` the name `RUN-b2a`, any other bundle its
    stem.
    `UserError` if there is no such bundle, or if two have one name.
    """
    named: dict[str, Path] = {}
    for text in texts:
        if why := _refused(text):
            raise UserError(f"--model {text}: {why}; give a .safetensors bundle or a run folder")
        name, path = _split(text)
        bundle = find_bundle("--model", path)
        name = name or _name_of(path)
        if name in named:
            raise UserError(f"--model {text}: another model is called {name!r}; give --model NAME={path}")
        named[name] = bundle
    return named


def _split(text: str) -> tuple[str, Path]:
    name, equals, path = text.partition("=")
    if not equals or Path(text).exists():
        return "", Path(text)
    if not name or not path:
        raise UserError(f"--model {text}: give PATH or NAME=PATH")
    return name, Path(path)


def _refused(text: str) -> str | None:
    """Why no file can be there, in words."""
    _, equals, path = text.partition("=")
    return (refusal(path) if equals and path else None) or refusal(text)


def _name_of(path: Path) -> str:
    if is_remote(path) and path.suffix != ".safetensors":
        return path.name
    absolute = path.absolute()
    if not path.is_dir() and absolute.parent.name == "bundles":
        return f"{absolute.parent.parent.name}-{path.stem}"
    return absolute.name if path.is_dir() else path.stem


def check_host(host: str, token: str | None, without_token: bool) -> None:
    """`UserError` if others than this machine could connect without a token, or if the token is unfit."""
    if token is not None and (not token or not token.isascii() or not token.isprintable() or " " in token):
        raise UserError(f"{TOKEN}: a token is printable ASCII without spaces; set another, or unset it")
    if without_token and token:
        raise UserError(f"--without-token: {TOKEN} is set; leave one of them out")
    if not token and not without_token and not is_loopback(host):
        raise UserError(f"--host {host}: others could connect without a token; set {TOKEN}, or say --without-token if strangers may")


def is_loopback(host: str) -> bool:
    """Does only this machine reach the host?"""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
