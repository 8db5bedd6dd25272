"""Running a server: it listens, serves, and drains after a signal."""

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from gan_style.errors import UserError
from gan_style.serving.app import Service
from gan_style.serving.connection import HEADER_BYTES, Connection
from gan_style.serving.door import Door
from gan_style.serving.log import Log
from gan_style.terminal.signals import heeded


def listening(host: str, port: int) -> socket.socket:
    """A socket of this address, which takes connections once it is served. `UserError` if the address cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        opened = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as problem:
        raise UserError(f"--host {host}: no such address ({getattr(problem, 'strerror', None) or problem}); give another") from None
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
    except OSError as problem:
        opened.close()
        raise UserError(f"--host {host} --port {port}: cannot be opened ({problem.strerror}); give another") from None
    return opened


def url_of(opened: socket.socket) -> str:
    """The URL of a listening socket."""
    host, port = opened.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Server(uvicorn.Server):
    """A server of one service.

    After SIGTERM or SIGINT it takes no new connection, answers what it has taken, and `run` returns. A second signal, or `drain`
    seconds, give up what is left.
    """

    def __init__(self, service: Service, log: Log, drain: float = 60.0, begun: Callable[[], None] = lambda: None) -> None:
        settings: dict[str, Any] = {
            "ws": "none",
            "lifespan": "off",
            "log_config": None,
            "log_level": "critical",
            "access_log": False,
            "server_header": False,
        }
        super().__init__(
            uvicorn.Config(
                Door(service, log),
                http=Connection,
                h11_max_incomplete_event_size=HEADER_BYTES,
                timeout_graceful_shutdown=int(drain),
                **settings,
            )
        )
        self.service, self.log, self.begun = service, log, begun
        self.signals: list[int] = []

    def serve_on(self, opened: socket.socket) -> int:
        """Serve until a signal comes. Returns the exit code: 0 if every request was answered, else that of the signal."""
        try:
            asyncio.run(self.serve([opened]))
        finally:
            opened.close()
            self.service.queue.close(finish=not self.service.given_up)
        code = 128 + self.signals[-1] if self.service.given_up else 0
        self.log("stopped", code=code)
        return code

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.begun()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.service.stopping = True
        self.log("draining", requests=self.service.room.requests)
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """uvicorn's own would end the process by the signal, after draining."""
        previous = {number: signal.signal(number, self.handle_exit) for number in heeded("SIGINT", "SIGTERM", "SIGHUP")}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: object) -> None:
        self.signals.append(sig)
        self.force_exit = self.should_exit
        self.should_exit = True
