"""The HTTP interface, asked at random as its own OpenAPI describes it and otherwise: every answer is one that it describes."""

import json
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import fuzzing
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import media_types
from schemathesis.specs.openapi.checks import positive_data_acceptance
from served import Served, served
from tiny_bundles import RESNET_INSTANCE, pixels, tiny_bundle

from gan_style.serving.app import Limits

CASES, NIGHTLY_CASES = 30, 500


def picture(size: tuple[int, int], kind: str) -> bytes:
    stream = BytesIO()
    Image.fromarray(pixels(size[1], size[0])).save(stream, kind)
    return stream.getvalue()


@st.composite
def pictures(draw: Any) -> bytes:
    """Small pictures of several formats; some are cut short or changed in one byte."""
    content = picture(draw(st.tuples(st.integers(1, 24), st.integers(1, 24))), draw(st.sampled_from(["PNG", "JPEG", "WEBP", "TIFF"])))
    damage = draw(st.sampled_from(["none", "cut", "byte"]))
    place = draw(st.integers(0, len(content) - 1))
    if damage == "none":
        return content
    return content[: place + 1] if damage == "cut" else content[:place] + bytes([draw(st.integers(0, 255))]) + content[place + 1 :]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("bundles")
    stargan = {"method": "stargan", "keys": {"domain_names": ["red", "green"]}}
    bundles = {
        "tiny": tiny_bundle(folder / "tiny.safetensors", RESNET_INSTANCE),
        "stars": tiny_bundle(folder / "stars.safetensors", RESNET_INSTANCE, **stargan),
    }
    for kind in ("image/*", "application/octet-stream"):
        media_types.register_media_type(kind, pictures())
    try:
        with served(bundles, Limits(pixels=2**12)) as running:
            yield running
    finally:
        media_types.unregister_all()


OPERATIONS = [
    *(("POST", "/translate", mode) for mode in GenerationMode),
    *(("GET", "/metadata", mode) for mode in GenerationMode),
    *(("GET", path, GenerationMode.POSITIVE) for path in ("/models", "/health", "/ready", "/metrics", "/openapi.json", "/")),
]


@pytest.mark.parametrize(("method", "path", "mode"), OPERATIONS, ids=lambda each: getattr(each, "value", each))
def test_every_answer_is_described(method: str, path: str, mode: GenerationMode, server: Served) -> None:
    schema = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
    asked: list[int] = []

    @settings(
        max_examples=NIGHTLY_CASES if fuzzing.nightly else CASES,
        derandomize=not fuzzing.nightly,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=schema[path][method].as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        answer = case.call_and_validate(excluded_checks=[positive_data_acceptance])  # a schema says less than the options
        assert answer.status_code != 500
        asked.append(answer.status_code)
        if answer.status_code >= 400:
            assert json.loads(answer.content).keys() == {"error"}

    ask()
    assert asked
    if path == "/translate":
        assert 200 in asked if mode is GenerationMode.POSITIVE else 400 in asked, set(asked)
    elif mode is GenerationMode.POSITIVE:
        assert set(asked) == {200}


def test_every_operation_is_asked(server: Served) -> None:
    described = server.client.get("/openapi.json").json()["paths"]
    assert {(method.upper(), path) for path, methods in described.items() for method in methods} == {each[:2] for each in OPERATIONS}


def test_the_server_lives_on(server: Served) -> None:
    assert server.service.room.requests == server.service.room.bytes == 0
    assert server.translate(picture((8, 8), "PNG"), model="tiny").status_code == 200
