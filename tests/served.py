"""A server in a thread of the test, on a free port of this machine, and what it has logged."""

import io
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

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
    bundles: Mapping[str, Path], limits: Limits | None = None, token: str | None = None, batch_size: int | None = None
) -> Iterator[Served]:
    """While entered, the bundles are served. Leaving the block drains the server."""
    models = {name: Model.load(name, path, "cpu", "fp32", batch_size) for name, path in bundles.items()}
    opened, stream, begun = listening("127.0.0.1", 0), io.StringIO(), threading.Event()
    url = url_of(opened)
    service = Service(models, limits or Limits(), token)
    server = Server(service, Log(stream), begun=begun.set)
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
