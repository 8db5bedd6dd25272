"""A connection of uvicorn with bounds on the time that its client may take, and refusals as JSON."""

import asyncio
import json
import sys
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, H11Protocol

from gan_style.serving.refusal import BAD, SLOW_BODY, UNAVAILABLE, in_words_of_http

HEADER_BYTES = 16_384  # of one request
HEADER_SECONDS = 10.0  # from the connection, or the last answer, to the end of a request's headers
READER_SECONDS = 30.0  # in which a client must take what waits for it
CONNECTIONS = 500  # at once


class Connection(H11Protocol):
    """uvicorn's connection; a client that is too slow, or one too many, is sent away."""

    _headers: asyncio.TimerHandle | None = None
    _reader: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS:
            self._refuse(UNAVAILABLE, "too many connections; try again later")
        else:
            self._expect_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop("_headers")
        self._stop("_reader")
        super().connection_lost(exc)

    def handle_events(self) -> None:
        before = self.cycle
        super().handle_events()
        if self.cycle is not before:
            self._stop("_headers")
            if self.cycle.response_complete:  # of a pipelined request, whose answer came at once
                self._expect_headers()

    def on_response_complete(self) -> None:
        if not self.transport.is_closing():
            self._expect_headers()
        super().on_response_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stop("_reader")
        self._reader = self.loop.call_later(READER_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        self._stop("_reader")
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        if self.transport.get_write_buffer_size():  # closing would wait for the client; `_too_slow` does not
            return
        super().timeout_keep_alive_handler()

    def send_400_response(self, msg: str) -> None:
        problem = sys.exception()
        status = getattr(problem, "error_status_hint", BAD)
        self._refuse(status, "the headers are too long" if status == 431 else f"this is no HTTP request ({problem})")

    def _refuse(self, status: int, message: str) -> None:
        """Answer before there is a request, and close."""
        body = json.dumps({"error": in_words_of_http(message)}).encode()
        headers = [("content-type", "application/json"), ("content-length", str(len(body))), ("connection", "close")]
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            for event in (
                h11.Response(status_code=status, headers=headers, reason=STATUS_PHRASES[status]),
                h11.Data(data=body),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _expect_headers(self) -> None:
        self._stop("_headers")
        self._headers = self.loop.call_later(HEADER_SECONDS, self._too_slow)

    def _too_slow(self) -> None:
        if self.transport.get_write_buffer_size() or self.conn.our_state is not h11.IDLE:
            self.transport.abort()
        else:
            self._refuse(SLOW_BODY, f"the headers did not come within {HEADER_SECONDS:g} s; send them faster")

    def _stop(self, name: str) -> None:
        timer = getattr(self, name)
        if timer is not None:
            timer.cancel()
            setattr(self, name, None)
