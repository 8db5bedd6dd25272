"""The server's routes."""

import asyncio
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gan_style.files.bounded import MAX_PIXELS
from gan_style.serving.body import Bounds, Held, received
from gan_style.serving.metrics import CONTENT_TYPE, Metrics
from gan_style.serving.models import Model, model_called
from gan_style.serving.openapi import description
from gan_style.serving.options import parse_options
from gan_style.serving.page import page_routes
from gan_style.serving.queue import Room, TranslationQueue
from gan_style.serving.refusal import BAD, FAULT, LATE, LEFT, NOT_FOUND, UNAVAILABLE, Refusal
from gan_style.serving.request import MEDIA_TYPES, Translating
from gan_style.version import VERSION

OPEN = {"/", "/health", "/ready"}  # without a token: a page that asks for one, and what an orchestrator asks


@dataclass(frozen=True)
class Limits:
    """Of what clients may ask.

    queue: most requests at once; body: most bytes of one; pixels: most of a picture
    body_seconds: in which a body must have come; deadline: seconds from there to the answer
    """

    queue: int = 128
    body: int = 2**26
    pixels: int = 2**25
    body_seconds: float = 30.0
    deadline: float = 60.0

    def __post_init__(self) -> None:
        assert self.pixels <= MAX_PIXELS


@dataclass
class Service:
    """What the routes share.

    token: that clients must send; None: none
    stopping: no new request is taken; given_up: requests that were not answered because the server stopped
    """

    models: Mapping[str, Model]
    limits: Limits = field(default_factory=Limits)
    token: str | None = None
    metrics: Metrics = field(default_factory=Metrics)
    stopping: bool = False
    given_up: int = 0

    def __post_init__(self) -> None:
        self.queue = TranslationQueue(self.metrics)
        self.room = Room(self.limits.queue)

    async def translate(self, request: Request) -> Response:
        """POST /translate."""
        if self.stopping:
            raise Refusal(UNAVAILABLE, "the server is stopping; ask another", {"Connection": "close"})
        options = parse_options(request.query_params.multi_items())
        model = model_called(self.models, options.model)
        if isinstance(model, str):
            raise Refusal(BAD if options.model is None else NOT_FOUND, model)
        request.state.about = {"model": model.name}
        with Held(self.room) as held:
            body = await received(request, Bounds(self.limits.body, self.limits.body_seconds), held)
            assert body.image is not None
            work = Translating(model, options, body.image, body.styles, body.masks, self.limits.pixels)
            del body
            try:
                answer = await self._answered(work, request)
            finally:
                request.state.about |= work.in_figures()
            return Response(answer, media_type=MEDIA_TYPES[work.suffix])

    async def _answered(self, work: Translating, request: Request) -> bytes:
        """The answer. `Refusal` if it is late, `ClientDisconnect` if the client leaves; the work is given up then."""
        self.queue.put(work)
        answer = asyncio.wrap_future(work.answer)
        left = asyncio.ensure_future(_left(request))
        try:
            await asyncio.wait((answer, left), timeout=self.limits.deadline, return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                return answer.result()
            if left.done():
                raise ClientDisconnect
            raise Refusal(LATE, f"the answer was not ready within {self.limits.deadline:g} s; send a smaller picture, or try again later")
        finally:
            work.answer.cancel()  # `answer.cancel` alone reaches the queue only in a later turn of the loop, after the refusal was sent
            answer.cancel()
            left.cancel()

    async def models_in_short(self, request: Request) -> Response:
        """GET /models."""
        limits = {"pixels": self.limits.pixels, "body_bytes": self.limits.body, "deadline_seconds": self.limits.deadline}
        return JSONResponse({"gan_style": VERSION, "models": [model.in_short() for model in self.models.values()], "limits": limits})

    async def metadata(self, request: Request) -> Response:
        """GET /metadata."""
        given = request.query_params
        if unknown := [name for name in given if name != "model"]:
            raise Refusal(BAD, f"{unknown[0]}: no option of /metadata; there is model")
        if len(given.multi_items()) > 1:
            raise Refusal(BAD, "model: given twice, and only one can count; leave one out")
        model = model_called(self.models, given.get("model"))
        if isinstance(model, str):
            raise Refusal(NOT_FOUND if "model" in given else BAD, model)
        return JSONResponse(model.in_full())

    async def health(self, request: Request) -> Response:
        """GET /health: the process lives."""
        return JSONResponse({"status": "ok"})

    async def ready(self, request: Request) -> Response:
        """GET /ready: it takes requests."""
        ready = self.queue.alive and not self.stopping
        return JSONResponse({"status": "ready" if ready else "stopping"}, 200 if ready else UNAVAILABLE)

    async def openapi(self, request: Request) -> Response:
        """GET /openapi.json."""
        return JSONResponse(description([*self.models], self.token is not None))

    async def counts(self, request: Request) -> Response:
        """GET /metrics."""
        now: dict[str, tuple[str, Callable[[], float]]] = {
            "gan_style_queue_length": ("Pictures that wait for the network.", lambda: len(self.queue)),
            "gan_style_requests_now": ("Requests that are being answered.", lambda: self.room.requests),
            "gan_style_held_bytes": ("Bytes of the bodies of these requests.", lambda: self.room.bytes),
        }
        return Response(self.metrics.text(now), media_type=CONTENT_TYPE)

    def permits(self, path: str, authorization: str) -> bool:
        """May a client with this Authorization header have this path? Compared in constant time."""
        if self.token is None or path in OPEN or path.startswith("/page/"):
            return True
        kind, _, given = authorization.partition(" ")
        return kind.lower() == "bearer" and secrets.compare_digest(given.strip().encode(), self.token.encode())


async def _left(request: Request) -> None:
    """Wait until the client has left."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def application(service: Service) -> Starlette:
    """The routes of a service, with every refusal as JSON."""
    routes = [
        Route("/translate", service.translate, methods=["POST"]),
        Route("/models", service.models_in_short),
        Route("/metadata", service.metadata),
        Route("/health", service.health),
        Route("/ready", service.ready),
        Route("/metrics", service.counts),
        Route("/openapi.json", service.openapi),
        *page_routes(),
    ]
    handlers = {Refusal: _refused, HTTPException: _not_found, ClientDisconnect: _client_left, Exception: _fault}
    app = Starlette(routes=routes, exception_handlers=handlers)  # pyright: ignore[reportArgumentType] - of any exception
    app.router.redirect_slashes = False
    return app


def refused(refusal: Refusal) -> Response:
    """The answer to a request that is refused."""
    return JSONResponse({"error": refusal.message}, refusal.status, refusal.headers)


async def _refused(request: Request, refusal: Refusal) -> Response:
    return refused(refusal)


async def _not_found(request: Request, problem: HTTPException) -> Response:
    what = f"{request.method}: not a method of" if problem.status_code == 405 else "no such path:"
    return refused(Refusal(problem.status_code, f"{what} {request.url.path[:200]}; GET /openapi.json tells all", problem.headers))


async def _client_left(request: Request, problem: ClientDisconnect) -> Response:
    return Response(status_code=LEFT)


async def _fault(request: Request, problem: Exception) -> Response:
    return refused(Refusal(FAULT, f"a fault of gan_style ({type(problem).__name__}); its log has a traceback"))
