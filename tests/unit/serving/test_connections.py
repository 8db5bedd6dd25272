"""Clients that are slow, that leave, that speak no HTTP: none keeps a place, and the server serves the others."""

import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from served import Gate, Served, eventually, exchange

from gan_style.serving import connection
from gan_style.serving.app import Limits

Serve = Callable[..., Served]
GET = b"GET /health HTTP/1.1\r\nHost: x\r\n"
END = b"Connection: close\r\n\r\n"


def post(length: int, *more: str) -> bytes:
    lines = ["POST /translate HTTP/1.1", "Host: x", "Content-Type: image/png", f"Content-Length: {length}", *more]
    return "\r\n".join([*lines, "", ""]).encode()


def idle(server: Served) -> None:
    """No connection but the client's own is left, and nothing is held."""
    server.client.close()
    state, room = server.server.server_state, server.service.room
    eventually(lambda: not state.connections and not state.tasks and room.requests == room.bytes == 0)


@pytest.mark.parametrize(
    "sent", [b"", b"GET /hea", GET, GET + b"X: " + b"y" * 1000], ids=["nothing", "a line's beginning", "no end", "a header's beginning"]
)
def test_headers_that_do_not_come(sent: bytes, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HEADER_SECONDS", 0.2)
    server = serve()
    told = exchange(server.address, sent)
    assert told.startswith(b"HTTP/1.1 408 ") and told.endswith(b'{"error": "the headers did not come within 0.2 s; send them faster"}')
    idle(server)


def test_headers_that_trickle_after_an_answer(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte would begin uvicorn's own time anew."""
    monkeypatch.setattr(connection, "HEADER_SECONDS", 0.5)
    server = serve()
    with socket.create_connection(server.address, 30) as client:
        client.sendall(GET + b"\r\n")
        told = b""
        while not told.endswith(b"}"):
            told += client.recv(65536)
        told = b""
        client.settimeout(0.05)
        for byte in GET * 100:
            try:
                client.sendall(bytes([byte]))
                told += client.recv(65536)
                break
            except TimeoutError:
                continue
            except OSError:
                break
        assert told.startswith(b"HTTP/1.1 408 ")
    idle(server)


def test_a_body_that_does_not_come(serve: Serve, picture: bytes) -> None:
    server = serve(limits=Limits(body_seconds=0.2))
    told = exchange(server.address, post(len(picture)), picture[:100])
    assert told.startswith(b"HTTP/1.1 408 ") and told.endswith(b'{"error":"the body did not come within 0.2 s; send it faster"}')
    idle(server)


def test_headers_of_ten_thousand_bytes_are_read_and_longer_ones_refused(serve: Serve) -> None:
    server = serve()
    assert exchange(server.address, GET, b"X: " + b"y" * 10_000 + b"\r\n", END).startswith(b"HTTP/1.1 200 ")
    assert exchange(server.address, GET, *[b"X-%d: y\r\n" % number for number in range(700)], END).startswith(b"HTTP/1.1 200 ")
    told = exchange(server.address, GET, b"X: " + b"y" * 20_000)
    assert told.startswith(b"HTTP/1.1 431 ") and told.endswith(b'{"error": "the headers are too long"}')
    idle(server)


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 50,
        b"GET  /\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST /translate HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST /translate HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
    ],
    ids=["TLS", "no version", "two hosts", "no host", "negative length", "two lengths"],
)
def test_what_is_no_http(sent: bytes, serve: Serve) -> None:
    server = serve()
    told = exchange(server.address, sent)
    assert told.startswith(b"HTTP/1.1 400 ") and b'{"error": "this is no HTTP request (' in told
    assert server.client.get("/health").status_code == 200
    idle(server)


def test_a_chunk_that_is_no_chunk(serve: Serve) -> None:
    server = serve()
    head = b"POST /translate HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    told = exchange(server.address, head, b"zz\r\n")
    assert told.startswith(b"HTTP/1.1 400 ") and told.count(b"HTTP/1.1") == 1
    idle(server)


def test_a_large_body_is_refused_before_it_is_sent(serve: Serve) -> None:
    server = serve(limits=Limits(body=1000))
    told = exchange(server.address, post(10**9, "Expect: 100-continue", "Connection: close"))
    assert told.startswith(b"HTTP/1.1 413 "), "and not 100 Continue"
    idle(server)


def test_a_client_that_sends_all_before_it_listens_hears_why(serve: Serve) -> None:
    server = serve(limits=Limits(body=1000))
    answer = server.translate(b"x" * 2_000_000)
    assert answer.status_code == 413
    assert server.client.get("/health").status_code == 200, "on the same connection"
    idle(server)


@pytest.mark.parametrize("leave", ["close", "half-close", "reset"])
def test_work_of_a_client_that_left_is_never_computed(leave: str, serve: Serve, picture: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve()
    gate = Gate(server.service.models["tiny"], monkeypatch)
    with ThreadPoolExecutor() as threads:
        first = threads.submit(server.translate, picture)
        gate.wait_for(1)
        client = socket.create_connection(server.address, 30)
        client.sendall(post(len(picture)) + picture)
        eventually(lambda: server.service.room.requests == 2)
        if leave == "reset":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        if leave == "half-close":
            client.shutdown(socket.SHUT_WR)
        else:
            client.close()
        eventually(lambda: server.service.room.requests == 1)
        client.close()
        gate.open()
        assert first.result().status_code == 200
    assert server.translate(picture).status_code == 200
    assert gate.entered == [1, 1], "the first picture's, and the last one's"
    eventually(lambda: [event["status"] for event in server.events] == [499, 200, 200])
    idle(server)


def test_a_client_that_leaves_in_the_middle_of_its_body(serve: Serve, picture: bytes) -> None:
    server = serve()
    assert exchange(server.address, post(len(picture)), picture[:100], half_close=True) == b""
    eventually(lambda: len(server.events) == 1)
    assert server.events[0]["status"] == 499
    idle(server)


def test_requests_in_one_go_are_answered_in_turn(serve: Serve, picture: bytes) -> None:
    server = serve()
    told = exchange(server.address, post(len(picture)) + picture + GET + b"\r\n" + GET + END)
    assert told.count(b"HTTP/1.1 200 ") == 3
    idle(server)


def test_an_answer_that_nobody_takes(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """It fills the buffers of the system and then the server's; the connection is cut."""
    monkeypatch.setattr(connection, "READER_SECONDS", 0.2)
    monkeypatch.setattr(connection, "HEADER_SECONDS", 0.4)
    server = serve()
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(30)
        client.connect(server.address)
        with pytest.raises(OSError):
            for _ in range(10_000):
                client.sendall((b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n") * 200)
    idle(server)


def test_too_many_connections(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CONNECTIONS", 3)
    server = serve()
    clients = [socket.create_connection(server.address, 30) for _ in range(3)]
    eventually(lambda: len(server.server.server_state.connections) == 3)
    told = exchange(server.address)
    assert told.startswith(b"HTTP/1.1 503 ") and b"too many connections" in told
    for client in clients:
        client.close()
    eventually(lambda: not server.server.server_state.connections)
    assert server.client.get("/health").status_code == 200


def test_hostile_clients_together_do_not_stop_the_others(serve: Serve, picture: bytes) -> None:
    server = serve(limits=Limits(body_seconds=5))
    slow = [socket.create_connection(server.address, 30) for _ in range(40)]
    for number, client in enumerate(slow):
        client.sendall([b"GET /", post(10**6), post(len(picture)) + picture[:50]][number % 3])
    assert [server.translate(picture).status_code for _ in range(10)] == [200] * 10
    for client in slow:
        client.close()
    idle(server)
