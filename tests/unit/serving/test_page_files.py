"""The files of the page, as they are served: a strict policy, no other host, legible colours."""

import re
from collections.abc import Callable

import numpy as np
import pytest
from served import Served

from gan_style.serving import page as package
from gan_style.serving.page import KINDS, page_routes

FILES = {route.path for route in page_routes()}
WORDS, GROUNDS = ("ink", "soft", "accent", "bad"), ("card", "page", "hint")


def css() -> str:
    return (package.files(package.__name__) / "page.css").read_text()


def theme(number: int) -> dict[str, float]:
    """The luminance (WCAG 2) of each colour; 0: light, 1: dark."""
    block = re.findall(r":root \{(.*?)\}", css(), re.DOTALL)[number]
    found = {}
    for name, text in re.findall(r"--([\w-]+): #([0-9a-f]{6});", block):
        encoded = np.array([int(text[place : place + 2], 16) / 255 for place in (0, 2, 4)])
        linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
        found[name] = float(linear @ [0.2126, 0.7152, 0.0722])
    return found


def contrast(first: float, second: float) -> float:
    low, high = sorted((first, second))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("number", [0, 1], ids=["light", "dark"])
def test_words_are_legible(number: int) -> None:
    colours = theme(number)
    pairs = [(word, ground) for word in WORDS for ground in GROUNDS] + [("on-accent", "accent"), ("bad", "bad-wash")]
    assert {pair: found for pair in pairs if (found := contrast(colours[pair[0]], colours[pair[1]])) < 4.5} == {}
    assert contrast(colours["edge"], colours["card"]) >= 3  # of controls


def test_every_file_is_served_with_its_type_and_a_strict_policy(serve: Callable[..., Served]) -> None:
    server = serve()
    for path in FILES:
        answer = server.client.get(path)
        assert answer.status_code == 200 and answer.headers["content-type"] in KINDS.values()
        policy = dict(part.strip().partition(" ")[::2] for part in answer.headers["content-security-policy"].split(";"))
        assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == policy["frame-ancestors"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert answer.headers["x-content-type-options"] == "nosniff" and answer.headers["referrer-policy"] == "no-referrer"


def test_a_file_names_nothing_outside_and_what_it_names_is_there(serve: Callable[..., Served]) -> None:
    server = serve()
    for path in FILES:
        text = server.client.get(path).text
        assert [url for url in re.findall(r"\w+://[^\s\"')]+", text) if url != "http://www.w3.org/2000/svg"] == []
        for name in re.findall(r"(?:src|href)=\"([^\"]+)\"|from \"\./([^\"]+)\"", text):
            wanted = f"/{name[0]}" if name[0] else f"/page/{name[1]}"
            assert wanted in FILES | {"/openapi.json"}, f"{path} names {wanted}"


def test_the_page_has_no_script_or_style_of_its_own(serve: Callable[..., Served]) -> None:
    html = serve().client.get("/").text
    assert re.findall(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=", html) == []
