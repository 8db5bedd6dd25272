"""Pictures a second of a server beside infer: python benchmarks/serve.py [--pictures 24] [--rounds 3] [--clients 8] [--base-channels 64].

`gan-style infer`'s own loop and a server of the same bundle translate the same pictures in turn, in one process; the clients are a process
of their own. Both results are compared byte by byte. The ratios are medians over the rounds. The target is 0.9.
"""

import argparse
import io
import os
import resource
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr
from http.client import HTTPConnection
from multiprocessing import get_context
from pathlib import Path

import torch
from drawn import drawn_bundle, drawn_picture

from gan_style.commands.options import device_option
from gan_style.serving.app import Limits, Service
from gan_style.serving.log import Log
from gan_style.serving.models import Model
from gan_style.serving.server import Server, listening
from gan_style.translation.inputs import Job
from gan_style.translation.pipeline import Translation
from gan_style.translation.predictor import Predictor

Taken = tuple[float, float]  # seconds on the clock, and of this process's processors


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, default=8, help="that ask at once")
    parser.add_argument("--base-channels", type=int, default=64)
    device_option(parser)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, get_context("spawn").Pool(1) as clients:
        root = Path(folder)
        bundle, _ = drawn_bundle(root, options.base_channels)
        sources = [drawn_picture(root / "in" / f"{number}.jpg", number) for number in range(options.pictures)]
        model = Model.load("model", bundle, options.device, "fp32", None)
        opened, begun = listening("127.0.0.1", 0), threading.Event()
        port = opened.getsockname()[1]
        server = Server(Service({"model": model}, Limits(deadline=3600.0)), Log(io.StringIO()), begun=begun.set)
        thread = threading.Thread(target=server.serve_on, args=[opened])
        thread.start()
        begun.wait()
        pictures = [source.read_bytes() for source in sources]

        def served() -> dict[str, bytes]:
            answers = clients.apply(ask, (port, pictures, options.clients))
            return {source.stem: answer for source, answer in zip(sources, answers, strict=True)}

        try:
            measure({"infer": lambda: inferred(model.predictor, sources, root / "out"), "serve": served}, options)
        finally:
            server.should_exit = True
            thread.join()


def measure(ways: dict[str, Callable[[], dict[str, bytes]]], options: argparse.Namespace) -> None:
    """Print a table, and whether the results are equal."""
    runs: dict[str, list[Taken]] = {name: [] for name in ways}
    for turn in range(options.rounds + 1):
        results = {}
        for name, way in ways.items():
            clock, processor = time.perf_counter(), processor_seconds()
            results[name] = way()
            taken = time.perf_counter() - clock, processor_seconds() - processor
            runs[name] += [taken] if turn else []  # the first round warms up
        if results["infer"] != results["serve"]:
            sys.exit("the server's answers are not infer's files")
    print(
        f"torch {torch.__version__}, {torch.get_num_threads()} threads, {options.pictures} pictures of 384 x 288, {options.clients} clients"
    )
    print("\n| | pictures a second (least, median, most) | processor, s a picture | this / infer, pictures a second |\n|---|---|---|---|")
    for name, taken in runs.items():
        rates = sorted(options.pictures / wall for wall, _ in taken)
        ratio = statistics.median(infer[0] / own[0] for infer, own in zip(runs["infer"], taken, strict=True))
        spread = f"{rates[0]:.2f}, {statistics.median(rates):.2f}, {rates[-1]:.2f}"
        print(f"| {name} | {spread} | {statistics.median(used for _, used in taken) / options.pictures:.3f} | {ratio:.2f} |")
    print("\nall answers are infer's files, byte by byte")


def inferred(predictor: Predictor, sources: list[Path], output: Path) -> dict[str, bytes]:
    """The files that infer writes."""
    with Path(os.devnull).open("w") as nowhere, redirect_stderr(nowhere):
        translation = Translation(predictor, overwrite=True)
        translation.run([Job(source, output / f"{source.stem}.png") for source in sources])
    return {source.stem: (output / f"{source.stem}.png").read_bytes() for source in sources}


def ask(port: int, pictures: list[bytes], clients: int) -> list[bytes]:
    """The answers to the pictures, asked for by so many clients at once."""
    with ThreadPoolExecutor(clients) as threads:
        return list(threads.map(lambda picture: _ask(port, picture), pictures))


def _ask(port: int, picture: bytes) -> bytes:
    connection = HTTPConnection("127.0.0.1", port, timeout=3600)
    connection.request("POST", "/translate", picture, {"Content-Type": "image/jpeg"})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    if answer.status != 200:
        raise RuntimeError(content.decode())
    return content


def processor_seconds() -> float:
    """Of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
