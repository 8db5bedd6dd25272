"""What a server refuses, with which status, in one line; and what it does not compute."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from served import Gate, Served, eventually, exchange

from gan_style.serving.app import Limits
from gan_style.serving.options import parse_options
from gan_style.serving.queue import Room
from gan_style.serving.refusal import Refusal, in_words_of_http

Serve = Callable[..., Served]


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """The status and the one line of a refusal."""
    assert answer.headers["content-type"] == "application/json"
    [(key, line)] = answer.json().items()
    assert key == "error" and line.isprintable() and "Traceback" not in line
    return answer.status_code, line


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ({"model": "tony"}, 404, "model 'tony': no such model, did you mean 'tiny'?; there are tiny"),
        ({"model": "../../etc/passwd"}, 404, "model '../../etc/passwd': no such model; there are tiny"),
        ({"frmat": "jpg"}, 400, "frmat: no option of a translation, did you mean 'format'?"),
        ({"format": "gif"}, 400, "format: must be 'png', 'jpg', 'webp', 'tiff' or 'keep', not 'gif'"),
        ({"format": ["png", "jpg"]}, 400, "format: given twice"),
        ({"resize": "0"}, 400, "resize: must be none, train or a whole number from 1 to 16384, not '0'"),
        ({"resize": "1_0"}, 400, "resize: must be none"),
        ({"keep_resized": "yes"}, 400, "keep_resized: must be true or false, not 'yes'"),
        ({"keep_resized": "true"}, 400, "keep_resized: has no effect without resize"),
        ({"png_compression": "10"}, 400, "png_compression: must be at most 9"),
        ({"png_compression": "1", "format": "jpg"}, 400, "png_compression: the results are jpg"),
        ({"strength": "nan"}, 400, "strength: must be a number, not 'nan'"),
        ({"to": "summer"}, 400, "to summer: a bundle of pix2pix has no domains to choose from"),
        ({"style": "/etc/passwd"}, 400, "style: a bundle of pix2pix takes no style"),
        ({"style": ["a"] * 17}, 400, "style: at most 16 styles are mixed, not 17"),
        ({"share": "0.5"}, 400, "share: 1 given for 0 style pictures"),
    ],
    ids=str,
)
def test_wrong_options(query: dict[str, Any], status: int, said: str, serve: Serve, picture: bytes) -> None:
    code, line = refusal(serve().translate(picture, **query))
    assert code == status and line.startswith(said)


def test_a_picture_that_cannot_be_read(serve: Serve, picture: bytes) -> None:
    server = serve()
    assert refusal(server.translate(b"")) == (422, "the picture: is empty (0 bytes); send a picture")
    code, line = refusal(server.translate(picture[: len(picture) // 2]))
    assert code == 422 and line.startswith("the picture: damaged or cut short")
    code, line = refusal(server.translate(b"%PDF-1.7 ..."))
    assert code == 422 and line.startswith("the picture: is a PDF, not an image that is read")
    code, line = refusal(server.client.post("/translate", files={"image": b"no picture"}))
    assert code == 422 and line.startswith("multipart field image: ")
    assert server.translate(picture).status_code == 200


def test_too_many_pixels(serve: Serve) -> None:
    server = serve(limits=Limits(pixels=24 * 32 - 1))
    assert server.translate(_png(Image.new("RGB", (31, 24)))).status_code == 200
    code, line = refusal(server.translate(_png(Image.new("RGB", (32, 24)))))
    assert code == 413 and line.startswith("the picture: claims 32 x 24, more than the 767 pixels allowed")
    bomb = Image.new("1", (30_000, 30_000))
    code, line = refusal(serve().translate(_png(bomb)))
    assert code == 413 and "more than the 33554432 pixels allowed" in line


def test_a_ribbon_that_resizing_would_make_huge(serve: Serve) -> None:
    code, line = refusal(serve().translate(_png(Image.new("L", (1, 60_000))), resize=256))
    assert code == 413 and line.startswith("the picture: resize 256: has 1 x 60000 pixels")
    server = serve(limits=Limits(pixels=1000))
    code, line = refusal(server.translate(_png(Image.new("L", (8, 8))), resize=100))
    assert code == 413 and line.startswith(
        "the picture: resize 100: has 8 x 8 pixels and would be resized to 100 x 100, more than the 1000"
    )


def test_too_many_bytes(serve: Serve, picture: bytes) -> None:
    server = serve(limits=Limits(body=len(picture) - 1))
    said = (413, f"the body has more than the {len(picture) - 1} bytes allowed; send a smaller picture")
    assert refusal(server.translate(picture)) == said
    assert refusal(server.client.post("/translate", content=iter([picture]))) == said, "without Content-Length"
    assert server.service.room == Room(128)


@pytest.mark.parametrize(
    ("headers", "status", "said"),
    [
        ({"Content-Type": "text/html"}, 415, "Content-Type text/html: send a picture"),
        ({"Content-Type": "application/json"}, 415, "Content-Type application/json: send a picture"),
        ({"Content-Type": "multipart/form-data"}, 400, "the multipart form cannot be read (Missing boundary in multipart.)"),
        ({"Content-Type": "multipart/form-data; boundary=x"}, 400, "the multipart form cannot be read"),
        ({"Content-Type": "multipart/form-data; boundary=" + "x" * 100}, 400, "the multipart form cannot be read"),
    ],
    ids=str,
)
def test_other_media(headers: dict[str, str], status: int, said: str, serve: Serve, picture: bytes) -> None:
    code, line = refusal(serve().client.post("/translate", content=picture, headers=headers))
    assert code == status and line.startswith(said)


def test_forms(serve: Serve, picture: bytes) -> None:
    client = serve().client
    assert refusal(client.post("/translate", files={"picture": picture}))[1].startswith(
        "multipart field picture: the fields are image, style"
    )
    assert refusal(client.post("/translate", files={"style": picture}))[1].startswith("multipart field image: is missing")
    assert refusal(client.post("/translate", files=[("image", picture), ("image", picture)]))[1].startswith(
        "multipart field image: given twice"
    )
    assert refusal(client.post("/translate", files={"image": picture}, data={"format": "jpg"}))[0] == 400
    assert refusal(client.post("/translate", files={"image": picture, "style": picture})) == (
        422,
        "style: a bundle of pix2pix takes no style; leave it out",
    )


def test_paths_and_methods(serve: Serve) -> None:
    server = serve()
    client = server.client
    for path in ("/nope", "/page/../app.py", "/page/..%2f__init__.py", "/page/%2e%2e/app.py", "/translate/", "//translate", "/\\..", "*"):
        told = exchange(server.address, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        assert told.startswith(b"HTTP/1.1 404 ") and b'{"error":"no such path: ' in told
    for method, path in (("GET", "/translate"), ("PUT", "/translate"), ("POST", "/models"), ("TRACE", "/health")):
        answer = client.request(method, path)
        assert refusal(answer) == (405, f"{method}: not a method of {path}; GET /openapi.json tells all")
        assert method not in answer.headers["allow"].split(", ")


def test_a_full_queue(serve: Serve, picture: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve(limits=Limits(queue=2))
    gate = Gate(server.service.models["tiny"], monkeypatch)
    with ThreadPoolExecutor() as threads:
        waiting = [threads.submit(server.translate, picture) for _ in range(2)]
        eventually(lambda: server.service.room.requests == 2)
        full = server.translate(picture)
        assert refusal(full) == (429, "the queue is full; try again later") and full.headers["retry-after"] == "1"
        assert server.client.get("/health").status_code == 200
        gate.open()
        assert [each.result().status_code for each in waiting] == [200, 200]
    assert server.translate(picture).status_code == 200


def test_the_bytes_of_all_bodies_are_bounded_together(serve: Serve, picture: bytes) -> None:
    server = serve()
    server.service.room.most_bytes = len(picture) - 1
    assert refusal(server.translate(picture))[0] == 429
    assert server.service.room.bytes == server.service.room.requests == 0


def test_a_late_answer_is_given_up(serve: Serve, picture: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one in the network and the one behind it; the latter is never computed."""
    server = serve(limits=Limits(deadline=0.2))
    gate = Gate(server.service.models["tiny"], monkeypatch)
    with ThreadPoolExecutor() as threads:
        late = [each.result() for each in [threads.submit(server.translate, picture) for _ in range(2)]]
    assert [refusal(each) for each in late] == [
        (504, "the answer was not ready within 0.2 s; send a smaller picture, or try again later")
    ] * 2
    gate.open()
    eventually(lambda: len(server.service.queue) == 0)
    assert server.translate(picture).status_code == 200
    assert gate.entered == [1, 1]


def test_a_fault_of_ours_is_one_line_and_the_server_goes_on(
    serve: Serve, picture: bytes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server = serve()

    def fail(*_: object) -> None:
        raise ZeroDivisionError("secret")

    with monkeypatch.context() as during:
        during.setattr(server.service.models["tiny"].predictor, "translate", fail)
        assert refusal(server.translate(picture)) == (500, "a fault of gan_style (ZeroDivisionError); its log has a traceback")
    eventually(lambda: len(server.events) == 1)
    assert "ZeroDivisionError" in capsys.readouterr().err
    assert server.translate(picture).status_code == 200


def test_memory_that_runs_out(serve: Serve, picture: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve()

    def refuse(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as during:
        during.setattr(server.service.models["tiny"].predictor, "translate", refuse)
        answer = server.translate(picture)
    code, line = refusal(answer)
    assert code == 503 and line.startswith("the picture: no memory to translate it") and "retry-after" in answer.headers
    assert server.translate(picture).status_code == 200


def test_pictures_of_one_size_go_through_the_network_together(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """And of two sizes apart, whatever their order; each client gets its own."""
    server = serve(batch_size=4)
    gate = Gate(server.service.models["tiny"], monkeypatch)
    sent = [_png(Image.fromarray(np.full((16, [16, 20][number % 2], 3), 20 * number, np.uint8))) for number in range(9)]
    with ThreadPoolExecutor(9) as threads:
        first = threads.submit(server.translate, sent[0])
        gate.wait_for(1)
        others = [threads.submit(server.translate, each) for each in sent[1:]]
        eventually(lambda: len(server.service.queue) == 8)
        gate.open()
        together = [each.result().content for each in [first, *others]]
    assert sum(gate.entered) == 9 and 2 <= max(gate.entered) <= 4  # how many wait together is a matter of time
    assert together == [server.translate(each).content for each in sent]


def test_an_unreadable_picture_spoils_no_batch(serve: Serve, picture: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve(batch_size=3)
    gate = Gate(server.service.models["tiny"], monkeypatch)
    with ThreadPoolExecutor(5) as threads:
        first = threads.submit(server.translate, picture)
        gate.wait_for(1)
        others = [threads.submit(server.translate, each) for each in (picture, picture[:200], picture)]
        gate.open()
        assert [each.result().status_code for each in (first, *others)] == [200, 200, 422, 200]


@given(query=st.lists(st.tuples(st.text(), st.text())))
def test_any_query_is_understood_or_refused_in_one_line(query: list[tuple[str, str]]) -> None:
    try:
        parse_options(query)
    except Refusal as refused:
        assert refused.status == 400 and refused.message.isprintable()


def test_messages_name_options_as_the_query_does() -> None:
    assert in_words_of_http("--keep-resized: x; infer.py --resize N\nor -- not") == "keep_resized: x; resize N or -- not"


def _png(image: Image.Image) -> bytes:
    stream = BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()
