"""A server in a thread of the test, on a free port of this machine, and what it has logged."""

import io
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from gan_style.serving.app import Limits, Service
from gan_style.serving.log import Log
from gan_style.serving.models import Model
from gan_style.serving.server import Server, listening, url_of


@dataclass
class Served:
    """A running server. client: connected to it, with its token"""

    url: str
    service: Service
    server: Server
    client: httpx.Client
    stream: io.StringIO

    @property
    def address(self) -> tuple[str, int]:
        host, port = self.url.removeprefix("http://").rsplit(":", 1)
        return host, int(port)

    @property
    def events(self) -> list[dict[str, Any]]:
        """The lines of the log."""
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    def translate(self, picture: bytes, **query: Any) -> httpx.Response:
        """POST /translate with the picture as the body."""
        return self.client.post("/translate", content=picture, params=query, headers={"Content-Type": "application/octet-stream"})


@contextmanager
def served(
    bundles: Mapping[str, Path], limits: Limits | None = None, token: str | None = None, batch_size: int | None = None, drain: float = 60
) -> Iterator[Served]:
    """While entered, the bundles are served. Leaving the block drains the server."""
    models = {name: Model.load(name, path, "cpu", "fp32", batch_size) for name, path in bundles.items()}
    opened, stream, begun = listening("127.0.0.1", 0), io.StringIO(), threading.Event()
    url = url_of(opened)
    service = Service(models, limits or Limits(), token)
    server = Server(service, Log(stream), drain, begun.set)
    thread = threading.Thread(target=server.serve_on, args=[opened])
    thread.start()
    assert begun.wait(30)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with httpx.Client(base_url=url, headers=headers, timeout=30) as client:
            yield Served(url, service, server, client, stream)
    finally:
        server.should_exit = True
        thread.join(60)
        assert not thread.is_alive()


class Gate:
    """Stands before a model's network: batches wait until `open`. entered: pictures of each batch that came to the network"""

    def __init__(self, model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
        self.entered: list[int] = []
        self._open, self._came = threading.Event(), threading.Condition()
        translate = model.predictor.translate

        def waiting(image: Any, *condition: Any, **style: Any) -> Any:
            with self._came:
                self.entered.append(len(image))
                self._came.notify_all()
            assert self._open.wait(60)
            return translate(image, *condition, **style)

        monkeypatch.setattr(model.predictor, "translate", waiting)

    def open(self) -> None:
        self._open.set()

    def wait_for(self, batches: int) -> None:
        """Wait until so many batches have come."""
        with self._came:
            assert self._came.wait_for(lambda: len(self.entered) >= batches, 30)


def eventually(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds."""
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def exchange(address: tuple[str, int], *parts: bytes, half_close: bool = False) -> bytes:
    """Send bytes over a socket of one's own; all that the server sends until it closes."""
    with socket.create_connection(address, 30) as connection:
        for part in parts:
            connection.sendall(part)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        received = b""
        while part := connection.recv(65536):
            received += part
    return received
