"""The log of a server: one JSON object a line, without pictures, queries and tokens."""

import json
import sys
import threading
import time
from datetime import UTC, datetime
from typing import Any, TextIO


class Log:
    """Writes events to a stream, stdout by default."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream, self._lock = stream, threading.Lock()

    def __call__(self, event: str, **fields: Any) -> None:
        """Write an event. Fields that are None are left out."""
        when = datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="milliseconds")
        given = {name: value for name, value in fields.items() if value is not None}
        line = json.dumps({"time": when, "event": event, **given}, ensure_ascii=True)
        with self._lock:
            print(line, file=self._stream or sys.stdout, flush=True)
