"""What a server counts, in Prometheus' text format (version 0.0.4)."""

import threading
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
PICTURES = (1.0, 2.0, 4.0, 8.0, 16.0)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = tuple[tuple[str, str], ...]


class Counter:
    """A sum for each set of labels."""

    kind = "counter"

    def __init__(self) -> None:
        self.sums: dict[Labels, float] = {}

    def add(self, value: float = 1.0, **labels: str) -> None:
        key = tuple(labels.items())
        self.sums[key] = self.sums.get(key, 0.0) + value

    def lines(self, name: str) -> Iterable[str]:
        for labels, value in self.sums.items():
            yield f"{name}{_braces(labels)} {value:g}"


class Histogram:
    """Counts of values up to each bound, for each set of labels."""

    kind = "histogram"

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts: dict[Labels, list[int]] = {}
        self.sums: dict[Labels, float] = {}

    def add(self, value: float, **labels: str) -> None:
        key = tuple(labels.items())
        self.counts.setdefault(key, [0] * (len(self.bounds) + 1))[bisect_left(self.bounds, value)] += 1
        self.sums[key] = self.sums.get(key, 0.0) + value

    def lines(self, name: str) -> Iterable[str]:
        for labels, counts in self.counts.items():
            total = 0
            for bound, count in zip([*map("{:g}".format, self.bounds), "+Inf"], counts, strict=True):
                total += count
                yield f"{name}_bucket{_braces((*labels, ('le', bound)))} {total}"
            yield f"{name}_sum{_braces(labels)} {self.sums[labels]:.6f}"
            yield f"{name}_count{_braces(labels)} {total}"


class Metrics:
    """The counts of one server. Labels are routes, methods, statuses and names of models: a client cannot make new ones."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.requests, self.seconds = Counter(), Histogram(SECONDS)
        self.pictures, self.network, self.batches = Counter(), Histogram(SECONDS), Histogram(PICTURES)
        self.received, self.sent = Counter(), Counter()

    def request(self, route: str, method: str, status: int, seconds: float, received: int, sent: int) -> None:
        """Count an answered request. received, sent: bytes of the bodies"""
        with self._lock:
            self.requests.add(route=route, method=method, status=str(status))
            self.seconds.add(seconds, route=route)
            self.received.add(received)
            self.sent.add(sent)

    def batch(self, model: str, pictures: int, seconds: float) -> None:
        """Count a batch that went through the network."""
        with self._lock:
            self.pictures.add(pictures, model=model)
            self.network.add(seconds, model=model)
            self.batches.add(pictures, model=model)

    def text(self, now: Mapping[str, tuple[str, Callable[[], float]]]) -> str:
        """All counts. now: name -> (meaning, function of the present value)"""
        families: tuple[tuple[str, str, Counter | Histogram], ...] = (
            ("gan_style_requests_total", "Requests, by route, method and status.", self.requests),
            ("gan_style_request_seconds", "Seconds from a request's first byte to its answer.", self.seconds),
            ("gan_style_pictures_total", "Pictures that went through a network.", self.pictures),
            ("gan_style_network_seconds", "Seconds of a batch in the network.", self.network),
            ("gan_style_batch_pictures", "Pictures in a batch.", self.batches),
            ("gan_style_received_bytes_total", "Bytes of bodies received.", self.received),
            ("gan_style_sent_bytes_total", "Bytes of bodies sent.", self.sent),
        )
        lines: list[str] = []
        with self._lock:
            for name, meaning, family in families:
                lines += [f"# HELP {name} {meaning}", f"# TYPE {name} {family.kind}", *family.lines(name)]
        for name, (meaning, value) in now.items():
            lines += [f"# HELP {name} {meaning}", f"# TYPE {name} gauge", f"{name} {value():g}"]
        return "\n".join(lines) + "\n"


def _braces(labels: Labels) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels) + "}" if labels else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
