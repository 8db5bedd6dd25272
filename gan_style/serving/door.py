"""What surrounds every request: the token, the log and the counts."""

import asyncio
import secrets
import sys
import time
import traceback
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gan_style.serving.app import Service, application, refused
from gan_style.serving.log import Log
from gan_style.serving.refusal import FAULT, LEFT, UNAUTHORIZED, UNAVAILABLE, Refusal

ALWAYS = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))  # headers of every answer
METHODS = {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"}


class Door:
    """The application of a service, as uvicorn calls it. Every answer has an X-Request-ID, which the log names too."""

    def __init__(self, service: Service, log: Log) -> None:
        self.service, self.log = service, log
        self.app: ASGIApp = application(service)
        self.routes = {getattr(route, "path", "") for route in application(service).routes}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":  # uvicorn runs without websockets and lifespan
            return
        passing = _Passing(scope, receive, send)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            if self.service.permits(scope["path"], headers.get("authorization", "")):
                await self.app(scope, passing.receive, passing.send)
            else:
                refusal = Refusal(UNAUTHORIZED, "Authorization: send the server's token as `Bearer TOKEN`", {"WWW-Authenticate": "Bearer"})
                await refused(refusal)(scope, passing.receive, passing.send)
        except asyncio.CancelledError:  # the server stops before the request is answered
            self.service.given_up += 1
            if not passing.status:
                refusal = Refusal(UNAVAILABLE, "the server was stopped before the answer was ready; ask another", {"Connection": "close"})
                await refused(refusal)(scope, passing.receive, passing.send)
        except Exception:  # answered by the application, which raises it once more
            traceback.print_exc(file=sys.stderr)
            passing.status = passing.status or FAULT
        finally:
            self._tell(passing)

    def _tell(self, passing: "_Passing") -> None:
        scope, seconds = passing.scope, time.monotonic() - passing.begun
        route = scope["path"] if scope["path"] in self.routes else "other"
        method = scope["method"] if scope["method"] in METHODS else "other"
        status = passing.status or LEFT
        self.service.metrics.request(route, method, status, seconds, passing.received, passing.sent)
        client = scope.get("client")
        self.log(
            "request",
            id=passing.id,
            client=client[0] if client else None,
            method=method,
            route=route,
            status=status,
            seconds=round(seconds, 4),
            received=passing.received,
            sent=passing.sent,
            **scope["state"].get("about", {}),
        )


class _Passing:
    """One request on its way. status: of the answer, 0 if there is none"""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope, self._receive, self._send = scope, receive, send
        self.id, self.begun = secrets.token_hex(8), time.monotonic()
        self.status = self.received = self.sent = 0
        about: dict[str, Any] = scope.setdefault("state", {})
        about["about"] = {}

    async def receive(self) -> Message:
        message = await self._receive()
        self.received += len(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message["headers"], (b"x-request-id", self.id.encode()), *ALWAYS]
        else:
            self.sent += len(message.get("body", b""))
        await self._send(message)
