"""The page at GET /: the files of this folder, read once when the server starts. It needs no other host."""

from functools import partial
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

START = "index.html"
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
}


def page_routes() -> list[Route]:
    """`/`, and `/page/NAME` for each other file. No path of a request is ever joined to a folder."""
    found = {file.name: file.read_bytes() for file in files(__name__).iterdir() if _kind(file.name)}
    return [Route("/" if name == START else f"/page/{name}", _file(content, _kind(name))) for name, content in sorted(found.items())]


def _kind(name: str) -> str:
    return KINDS.get(name[name.rfind(".") :], "")


async def _send(content: bytes, kind: str, request: Request) -> Response:
    return Response(content, media_type=kind, headers=HEADERS)


def _file(content: bytes, kind: str) -> partial:
    return partial(_send, content, kind)
