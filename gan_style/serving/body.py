"""Receiving the body of a request, bounded in bytes and in time, and finding its pictures."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from gan_style.files.bounded import Encoded
from gan_style.serving.options import MOST_STYLES
from gan_style.serving.queue import Room
from gan_style.serving.refusal import BAD, MEDIA, SLOW_BODY, TOO_LARGE, UNREADABLE, Refusal

PLAIN = ("application/octet-stream", "application/x-www-form-urlencoded")  # the latter is what curl says of --data-binary
FIELDS = ("image", "style", "mask")


@dataclass
class Body:
    """The pictures of a request."""

    image: Encoded | None = None
    styles: list[Encoded] = field(default_factory=list)
    masks: list[Encoded] = field(default_factory=list)


@dataclass(frozen=True)
class Bounds:
    """Of one request's body: its bytes, and the seconds in which it must have come."""

    bytes: int
    seconds: float


class Held:
    """The place of one request in the room. Leaving the block gives it back, with the bytes that the request held."""

    def __init__(self, room: Room) -> None:
        self.room, self.bytes = room, 0

    def __enter__(self) -> "Held":
        self.room.enter()
        return self

    def hold(self, count: int) -> None:
        self.room.hold(count)
        self.bytes += count

    def __exit__(self, *_: object) -> None:
        self.room.leave(self.bytes)


async def received(request: Request, bounds: Bounds, held: Held) -> Body:
    """The pictures of a request. `Refusal` for a body that is too large or slow, has another media type, or is no multipart form.

    starlette's `ClientDisconnect` if the client leaves.
    """
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media and not (media.startswith("image/") or media in PLAIN or media == "multipart/form-data"):
        raise Refusal(MEDIA, f"Content-Type {media}: send a picture (image/* or application/octet-stream) or multipart/form-data")
    content = await _content(request, bounds, held)
    if media != "multipart/form-data":
        return Body(_picture("the picture", content))
    try:
        form = await _InMemory(request.headers, _once(content), max_files=1 + 2 * MOST_STYLES, max_fields=0).parse()
    except (MultiPartException, ValueError, KeyError, LookupError) as problem:
        raise Refusal(
            BAD, f"the multipart form cannot be read ({problem or type(problem).__name__}); send the field image as a file"
        ) from None
    return await _of_form(form)


async def _content(request: Request, bounds: Bounds, held: Held) -> bytes:
    claimed = request.headers.get("content-length", "")
    too_large = Refusal(TOO_LARGE, f"the body has more than the {bounds.bytes} bytes allowed; send a smaller picture")
    if claimed.isdecimal() and int(claimed) > bounds.bytes:
        raise too_large
    content = bytearray()
    try:
        async with asyncio.timeout(bounds.seconds):
            async for part in request.stream():
                if len(content) + len(part) > bounds.bytes:
                    raise too_large
                held.hold(len(part))
                content += part
    except TimeoutError:
        raise Refusal(SLOW_BODY, f"the body did not come within {bounds.seconds:g} s; send it faster", {"Connection": "close"}) from None
    return bytes(content)


async def _of_form(form: FormData) -> Body:
    body = Body()
    try:
        for name, value in form.multi_items():
            if name not in FIELDS or not isinstance(value, UploadFile):
                raise Refusal(BAD, f"multipart field {name}: the fields are {', '.join(FIELDS)}, each a file; options go into the query")
            picture = _picture(f"multipart field {name}", await value.read())
            if name != "image":
                (body.styles if name == "style" else body.masks).append(picture)
            elif body.image is not None:
                raise Refusal(BAD, "multipart field image: given twice; send one picture a request")
            else:
                body.image = picture
    finally:
        await form.close()
    if body.image is None:
        raise Refusal(BAD, "multipart field image: is missing; send the picture as this field")
    if max(len(body.styles), len(body.masks)) > MOST_STYLES:
        raise Refusal(BAD, f"multipart field style: at most {MOST_STYLES} styles are mixed; send fewer")
    return body


def _picture(name: str, content: bytes) -> Encoded:
    if not content:
        raise Refusal(UNREADABLE, f"{name}: is empty (0 bytes); send a picture")
    return Encoded(name, content)


async def _once(content: bytes) -> AsyncGenerator[bytes, None]:
    yield content


class _InMemory(MultiPartParser):
    """A parser that writes no file: the whole body is in memory already."""

    spool_max_size = 2**40
