"""The token, the log, the counts, the end, and what stays in memory."""

import gc
import json
import re
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from served import Gate, Served, eventually, served
from tiny_bundles import tiny_bundle

from gan_style.bundles.file import digest
from gan_style.errors import UserError
from gan_style.serving.models import Model
from gan_style.serving.names import check_host, named_bundles
from gan_style.serving.server import listening

Serve = Callable[..., Served]
TOKEN = "open-sesame-1234"


@pytest.mark.parametrize("path", ["/translate", "/models", "/metadata", "/metrics", "/openapi.json", "/nope"])
@pytest.mark.parametrize(
    "sent", [None, "", "Bearer", "Bearer open-sesame-123", "Bearer open-sesame-12345", f"Basic {TOKEN}", TOKEN, "Bearer \xe9"]
)
def test_the_token_is_asked_for(path: str, sent: str | None, serve: Serve, picture: bytes) -> None:
    server = serve(token=TOKEN)
    headers = {} if sent is None else {"Authorization": sent.encode("latin-1")}
    answer = httpx.request("POST" if path == "/translate" else "GET", server.url + path, headers=headers)  # type: ignore[arg-type]
    assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer"
    assert answer.json() == {"error": "Authorization: send the server's token as `Bearer TOKEN`"}


def test_who_has_the_token_is_served_and_what_an_orchestrator_asks_needs_none(serve: Serve, picture: bytes) -> None:
    server = serve(token=TOKEN)
    assert server.translate(picture).status_code == server.client.get("/models").status_code == 200
    for path in ("/", "/health", "/ready"):
        assert httpx.get(server.url + path).status_code == 200


def test_the_log_has_a_line_for_each_request_and_no_token_query_or_picture(serve: Serve, picture: bytes) -> None:
    server = serve(token=TOKEN)
    answer = server.translate(picture, resize=16)
    server.client.get("/nope/secret", params={"token": TOKEN})
    server.client.get("/models", headers={"Authorization": "Bearer wrong"})
    eventually(lambda: len(server.events) == 3)
    first, second, third = server.events
    figures = {"waited", "computed", "seconds", "time", "id"}
    assert {name: value for name, value in first.items() if name not in figures} == {
        "event": "request",
        "client": "127.0.0.1",
        "method": "POST",
        "route": "/translate",
        "status": 200,
        "received": len(picture),
        "sent": len(answer.content),
        "model": "tiny",
        "width": 32,
        "height": 24,
    }
    assert first["id"] == answer.headers["x-request-id"] and figures <= first.keys()
    assert (second["status"], second["route"]) == (404, "other") and (third["status"], third["route"]) == (401, "/models")
    assert not any(word in server.stream.getvalue() for word in (TOKEN, "secret", "wrong", "resize", "PNG"))


SAMPLE = re.compile(r'([a-z_]+)(\{[a-z_]+="[^"\\\n]*"(?:,[a-z_]+="[^"\\\n]*")*\})? (\S+)')


def test_the_counts_are_in_the_format_of_prometheus(serve: Serve, picture: bytes) -> None:
    server = serve()
    for _ in range(3):
        server.translate(picture)
    server.translate(picture, format="gif")
    server.client.request("X" * 50, "/" + "y" * 500)
    eventually(lambda: len(server.events) == 5)
    answer = server.client.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8" and answer.text.endswith("\n")
    samples: dict[str, float] = {}
    kinds: dict[str, str] = {}
    for line in answer.text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            kinds[name] = kind
        elif not line.startswith("# HELP "):
            found = SAMPLE.fullmatch(line)
            assert found and kinds.keys() & {found[1], re.sub("_(bucket|sum|count)$", "", found[1])}, line
            samples[found[1] + (found[2] or "")] = float(found[3])
    requests = "gan_style_requests_total"
    assert samples[f'{requests}{{route="/translate",method="POST",status="200"}}'] == 3
    assert samples[f'{requests}{{route="/translate",method="POST",status="400"}}'] == 1
    assert samples[f'{requests}{{route="other",method="other",status="404"}}'] == 1, "a client makes no labels"
    assert samples['gan_style_pictures_total{model="tiny"}'] == 3
    buckets = [value for name, value in samples.items() if name.startswith('gan_style_request_seconds_bucket{route="/translate"')]
    assert buckets == sorted(buckets) and buckets[-1] == samples['gan_style_request_seconds_count{route="/translate"}'] == 4
    assert samples["gan_style_received_bytes_total"] == 3 * len(picture)
    assert samples["gan_style_queue_length"] == samples["gan_style_held_bytes"] == samples["gan_style_requests_now"] == 0
    assert (kinds[requests], kinds["gan_style_request_seconds"], kinds["gan_style_queue_length"]) == ("counter", "histogram", "gauge")


def test_models_and_metadata(serve: Serve, bundle: Path, tmp_path: Path) -> None:
    tiny_bundle(tmp_path / "stars.safetensors", method="stargan", keys={"domain_names": ["red", "green"]})
    with served({"tiny": bundle, "stars": tmp_path / "stars.safetensors"}) as server:
        tiny, stars = server.client.get("/models").json()["models"]
        assert (tiny["name"], tiny["takes"], tiny["names"], tiny["sha256"]) == ("tiny", "alone", [], digest(bundle))
        assert (stars["takes"], stars["names"]) == ("label", ["red", "green"])
        told = server.client.get("/metadata", params={"model": "stars"}).json()
        assert told["bundle"]["step"] == 7 and told["device"] == "cpu" and {**stars, **told} == told
        for params, status in (({}, 400), ({"model": "moon"}, 404), ({"modle": "tiny"}, 400)):
            assert server.client.get("/metadata", params=params).status_code == status
        assert server.translate(b"x").json() == {"error": "model: give one of tiny, stars"}


def test_a_file_that_is_replaced_or_cut_short_while_it_is_served(bundle: Path, picture: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(bundle.read_bytes())
    sha256 = digest(path)
    with served({"model": path}) as server:
        before = server.translate(picture).content
        tiny_bundle(path, seed=5)
        assert digest(path) != sha256 and server.translate(picture).content == before
        path.write_bytes(b"")
        assert server.translate(picture).content == before
        path.unlink()
        assert server.client.get("/metadata").json()["sha256"] == sha256


def test_draining(serve: Serve, picture: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was taken is answered; nothing new is taken."""
    server = serve()
    gate = Gate(server.service.models["tiny"], monkeypatch)
    assert server.client.get("/ready").json() == {"status": "ready"}
    with ThreadPoolExecutor() as threads:
        taken = [threads.submit(httpx.post, f"{server.url}/translate", content=picture, timeout=30) for _ in range(3)]
        eventually(lambda: server.service.room.requests == 3)
        server.server.handle_exit(15, None)
        eventually(lambda: server.service.stopping)
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{server.url}/health")
        gate.open()
        assert [each.result().status_code for each in taken] == [200] * 3
    eventually(lambda: server.events[-1]["event"] == "stopped")
    assert server.events[-1]["code"] == 0 and not server.service.queue.alive
    assert [event["requests"] for event in server.events if event["event"] == "draining"] == [3]


def test_a_second_signal_gives_up_what_is_left(serve: Serve, picture: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve()
    gate = Gate(server.service.models["tiny"], monkeypatch)
    with ThreadPoolExecutor() as threads:
        taken = threads.submit(httpx.post, f"{server.url}/translate", content=picture, timeout=30)
        gate.wait_for(1)
        server.server.handle_exit(15, None)
        eventually(lambda: server.service.stopping)
        server.server.handle_exit(15, None)
        answer = taken.result()
        assert (answer.status_code, answer.json()) == (503, {"error": "the server was stopped before the answer was ready; ask another"})
        gate.open()
    eventually(lambda: server.events[-1]["event"] == "stopped")
    assert server.events[-1]["code"] == 143


def test_a_drain_that_takes_too_long(bundle: Path, picture: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    with served({"tiny": bundle}, drain=1) as server:
        gate = Gate(server.service.models["tiny"], monkeypatch)
        with ThreadPoolExecutor() as threads:
            taken = threads.submit(httpx.post, f"{server.url}/translate", content=picture, timeout=30)
            gate.wait_for(1)
            server.server.handle_exit(15, None)
            assert taken.result().status_code == 503
            gate.open()
        eventually(lambda: server.events[-1]["event"] == "stopped")
        assert server.events[-1]["code"] == 143


def left_over() -> dict[str, int]:
    """What a thousand requests could leave behind, counted."""
    gc.collect()
    counts = dict.fromkeys(("Translating", "Original", "Encoded", "Connection", "RequestResponseCycle", "Task", "Tensor", "Future"), 0)
    objects = gc.get_objects()
    for each in objects:
        name = type(each).__name__
        if name in counts:
            counts[name] += 1
    return {**counts, "files": len([*Path("/proc/self/fd").iterdir()]), "threads": threading.active_count(), "objects": len(objects)}


def test_a_thousand_requests_leave_nothing_behind(serve: Serve, picture: bytes) -> None:
    """Good ones, bad ones, and clients that leave."""
    server = serve(batch_size=2)

    def ask(number: int) -> int:
        if number % 5 == 1:
            return server.translate(picture[: 50 + number % 100]).status_code
        if number % 5 == 2:
            return server.client.post("/translate", files={"image": picture}, params={"format": "webp"}).status_code
        if number % 5 == 3:
            head = f"POST /translate HTTP/1.1\r\nHost: x\r\nContent-Length: {len(picture)}\r\n\r\n"
            with socket.create_connection(server.address, 30) as client:
                client.sendall(head.encode() + picture[: len(picture) - number % 2])
            return 499
        return server.translate(picture).status_code

    def ask_all(numbers: range) -> set[int]:
        with ThreadPoolExecutor(4) as threads:
            found = set(threads.map(ask, numbers))
        eventually(lambda: not server.server.server_state.tasks and server.service.room.requests == 0 and len(server.service.queue) == 0)
        server.client.get("/health")
        server.stream.truncate(0)
        return found

    assert ask_all(range(200)) == {200, 422, 499}
    before = left_over()
    ask_all(range(1000))
    after = left_over()
    assert after.pop("objects") - before.pop("objects") < 500, "less than one for two requests: none for each"
    assert all(after[name] <= before[name] + 8 for name in before), (before, after)


@pytest.mark.parametrize("name", ["tiny", "night"])
def test_bundles_have_names(name: str, bundle: Path, tmp_path: Path) -> None:
    run = tmp_path / "my run"
    (run / "bundles").mkdir(parents=True)
    for direction in ("a2b", "b2a"):
        (run / "bundles" / f"{direction}.safetensors").write_bytes(bundle.read_bytes())
    b2a = run / "bundles" / "b2a.safetensors"
    texts = [str(bundle), str(run), str(b2a), f"night={b2a}"]
    assert named_bundles(texts) == {"tiny": bundle, "my run": run / "bundles/a2b.safetensors", "my run-b2a": b2a, "night": b2a}
    for texts, said in (
        ([str(b2a), str(b2a)], "another model is called 'my run-b2a'"),
        (["=x"], "give PATH or NAME=PATH"),
        (["x=y"], "--model y"),
    ):
        with pytest.raises(UserError, match=said):
            named_bundles(texts)


@pytest.mark.parametrize(
    ("host", "token", "without", "said"),
    [
        ("127.0.0.1", None, False, None),
        ("127.8.8.8", None, False, None),
        ("::1", None, False, None),
        ("localhost", None, False, None),
        ("0.0.0.0", "abc", False, None),
        ("0.0.0.0", None, True, None),
        ("0.0.0.0", None, False, "--host 0.0.0.0: others could connect without a token; set GAN_STYLE_TOKEN"),
        ("::", None, False, "--host ::: others could connect"),
        ("", None, False, "others could connect"),
        ("localhost.example", None, False, "others could connect"),
        ("127.0.0.1", "", False, "GAN_STYLE_TOKEN: a token is printable ASCII"),
        ("127.0.0.1", "a b", False, "GAN_STYLE_TOKEN: a token is printable ASCII"),
        ("127.0.0.1", "abc", True, "--without-token: GAN_STYLE_TOKEN is set"),
    ],
)
def test_who_may_connect(host: str, token: str | None, without: bool, said: str | None) -> None:
    if said is None:
        check_host(host, token, without)
    else:
        with pytest.raises(UserError, match=re.escape(said)):
            check_host(host, token, without)


def test_addresses_that_cannot_be_had() -> None:
    with listening("127.0.0.1", 0) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"--host 127.0.0.1 --port {port}: cannot be opened"):
            listening("127.0.0.1", port)
    with pytest.raises(UserError, match=r"--host no\.such\.host\.invalid: no such address"):
        listening("no.such.host.invalid", 0)


def test_bundles_that_translate_no_pictures_or_change_while_they_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = {"name": "dcgan", "base_channels": 4, "norm": "batch"}
    path = tiny_bundle(tmp_path / "gan.safetensors", generator, "gan", keys={"size": 16, "latent": 3})
    with pytest.raises(UserError, match="makes pictures from noise, and serve translates pictures"):
        Model.load("gan", path, "cpu", "fp32", None)
    from gan_style.serving import models

    digests = iter("ab")
    monkeypatch.setattr(models, "digest", lambda path: next(digests))
    with pytest.raises(UserError, match="was replaced while it was loaded"):
        Model.load("gan", path, "cpu", "fp32", None)


def test_every_line_of_the_log_is_json() -> None:
    from io import StringIO

    from gan_style.serving.log import Log

    stream = StringIO()
    log: Any = Log(stream)
    log("a\nb", text="\x1b[31m\ud800", nothing=None)
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["a\nb"]
    assert stream.getvalue().isascii() and "\x1b" not in stream.getvalue() and "nothing" not in stream.getvalue()
