"""Many clients at once: each gets its own picture's translation, or is told to come again."""

import asyncio
from collections import Counter
from pathlib import Path

import fuzzing
import httpx
import pytest
from served import Served, eventually, served
from tiny_bundles import RESNET_INSTANCE, pixels, tiny_bundle

from gan_style.files import images
from gan_style.serving.app import Limits

CLIENTS, NIGHTLY_CLIENTS = 20, 100
REQUESTS, NIGHTLY_REQUESTS = 3, 30  # of each client


def load() -> tuple[int, int]:
    return (NIGHTLY_CLIENTS, NIGHTLY_REQUESTS) if fuzzing.nightly else (CLIENTS, REQUESTS)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny.safetensors", RESNET_INSTANCE)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Of three sizes."""
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(12):
        images.write(folder / f"{number:02d}.png", pixels(16 + 4 * (number % 3), 24, seed=number))
    return [path.read_bytes() for path in sorted(folder.iterdir())]


async def ask_all(server: Served, pictures: list[bytes]) -> list[tuple[int, httpx.Response]]:
    """Every client's answers, each with the number of its picture."""
    clients, requests = load()
    limits = httpx.Limits(max_connections=clients, max_keepalive_connections=clients)

    async def client(number: int, connection: httpx.AsyncClient) -> list[tuple[int, httpx.Response]]:
        found = []
        for turn in range(requests):
            place = (number + turn) % len(pictures)
            found.append((place, await connection.post("/translate", content=pictures[place])))
        return found

    async with httpx.AsyncClient(base_url=server.url, timeout=120, limits=limits) as connection:
        answers = await asyncio.gather(*(client(number, connection) for number in range(clients)))
    return [each for answered in answers for each in answered]


@pytest.mark.parametrize("batch_size", [1, 4])
def test_every_client_is_answered(batch_size: int, bundle: Path, pictures: list[bytes]) -> None:
    with served({"tiny": bundle}, batch_size=batch_size) as server:
        alone = [server.translate(picture).content for picture in pictures]
        answers = asyncio.run(ask_all(server, pictures))
        assert {answer.status_code for _, answer in answers} == {200}
        assert all(answer.content == alone[place] for place, answer in answers)
        eventually(lambda: server.service.room.requests == 0)


def test_a_short_queue_turns_clients_away_and_serves_the_others(bundle: Path, pictures: list[bytes]) -> None:
    with served({"tiny": bundle}, Limits(queue=4)) as server:
        alone = [server.translate(picture).content for picture in pictures]
        answers = asyncio.run(ask_all(server, pictures))
        counts = Counter(answer.status_code for _, answer in answers)
        assert counts.keys() == {200, 429} and counts.total() == load()[0] * load()[1]
        assert all(answer.content == alone[place] for place, answer in answers if answer.status_code == 200)
        text = server.client.get("/metrics").text
        assert f'gan_style_requests_total{{route="/translate",method="POST",status="429"}} {counts[429]}\n' in text
        assert f'gan_style_pictures_total{{model="tiny"}} {counts[200] + len(pictures)}\n' in text
        eventually(lambda: server.service.room.requests == 0)
