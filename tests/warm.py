"""Child processes that begin with the package loaded: a server loads it once and forks for each command.

A child has streams, signals, a working folder, an environment and a session of its own. It differs from `python SCRIPT` in two things: the
modules that the server has loaded are there before the script's first line, and at the end the exit handlers run and the streams are
flushed, but the modules, a second's work, are not torn down. A test of what is loaded, or of a launcher, starts an interpreter.
"""

import atexit
import gc
import io
import json
import os
import resource
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import compiled

ROOT = Path(__file__).parents[1]
PYTHONPATH = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
LARGEST_REQUEST = 2**18
NULL, CLOSED = Path(os.devnull), None
Stream = Path | int | None
SIGNALS = ("SIGINT", "SIGHUP", "SIGTERM", "SIGUSR1")


class WarmProcess:
    """One running command; as far as it goes, `subprocess.Popen`'s interface."""

    def __init__(self, report: int) -> None:
        self._report = io.FileIO(report)
        self.returncode: int | None = None
        self.pid = int(self._line())

    def _line(self) -> bytes:
        line = b""
        while not line.endswith(b"\n"):
            part = self._report.read(1)
            assert part, "the server of warm processes has gone"
            line += part
        return line

    def wait(self, timeout: float = 300) -> int:
        """The exit code, negative for a signal, as in subprocess. TimeoutExpired: it still runs after `timeout` seconds."""
        if self.returncode is None:
            if not select.select([self._report], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            self.returncode = int(self._line())
            self._report.close()
        return self.returncode

    def poll(self) -> int | None:
        """The exit code, or None while the command runs."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)


def start(
    command: Sequence[str | Path],
    cwd: Path,
    env: Mapping[str, str] | None = None,
    stdin: Stream = NULL,
    stdout: Stream = NULL,
    stderr: Stream = NULL,
    ignored: Sequence[str] = (),
    largest_file: int | None = None,
) -> WarmProcess:
    """Start `SCRIPT ARGUMENT...` or `-m MODULE ARGUMENT...`.

    env: added to this process's environment. A stream is a file to append to, the number of an open one, `NULL` or `CLOSED`. ignored: names
    of signals that the command finds ignored, as under nohup; the others have their defaults. largest_file: bytes beyond which no file of
    the command may grow.
    """
    streams = (stdin, stdout, stderr)
    request = {
        "command": [str(part) for part in command],
        "cwd": str(cwd),
        "env": {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": PYTHONPATH, **(env or {})},
        "open": [number for number, stream in enumerate(streams) if stream is not CLOSED],
        "ignored": list(ignored),
        "largest_file": largest_file,
    }
    report, reporting = os.pipe()
    with ExitStack() as opened, io.FileIO(reporting, "wb"):
        files = [opened.enter_context(stream.open("ab")).fileno() if isinstance(stream, Path) else stream for stream in streams]
        socket.send_fds(_server(), [json.dumps(request).encode()], [reporting, *(number for number in files if number is not CLOSED)])
    return WarmProcess(report)


def run(command: Sequence[str | Path], cwd: Path, timeout: float = 300, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command to its end and keep what it says; `options` as in `start`."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        process = start(command, cwd, stdout=out, stderr=err, **options)
        with ended(process):
            code = process.wait(timeout)
        return subprocess.CompletedProcess(list(command), code, out.read_text(), err.read_text())


@contextmanager
def ended(*processes: WarmProcess) -> Iterator[None]:
    """Kill what still runs at the end, with the processes that it started in its session."""
    try:
        yield
    finally:
        for process in processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def run_ranks(command: Sequence[str | Path], count: int, cwd: Path, log: Path, **options: Any) -> list[int]:
    """The exit codes of `count` processes that work together, of which none waits for ever; `log` gets what all of them say."""
    ranks = start_ranks(command, count, cwd, stdout=log, stderr=log, **options)
    with ended(*ranks):
        return [rank.wait() for rank in ranks]


def free_port() -> int:
    """A port of this machine that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_ranks(
    command: Sequence[str | Path], count: int, cwd: Path, env: Mapping[str, str] | None = None, **options: Any
) -> list[WarmProcess]:
    """Processes on the CPU that find each other as those of torchrun do, rank k's the k-th; one alone is not told of a world."""
    world = {"ACCELERATE_USE_CPU": "true", **(env or {})}
    if count == 1:
        return [start(command, cwd, world, **options)]
    world |= {"WORLD_SIZE": str(count), "LOCAL_WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    return [start(command, cwd, {**world, "RANK": str(rank), "LOCAL_RANK": str(rank)}, **options) for rank in range(count)]


@cache
def _server() -> socket.socket:
    """The connection to this process's server, which ends with it."""
    mine, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    mine.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LARGEST_REQUEST)
    with its:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": PYTHONPATH}
        command = [sys.executable, __file__, str(its.fileno())]
        subprocess.Popen(command, env=environment, pass_fds=[its.fileno()], start_new_session=True, stdin=subprocess.DEVNULL)
    return mine


def _serve(connection: socket.socket) -> dict[str, Any] | None:
    """Fork for each request. Returns in each child, with what it shall do, and in the server None when nobody can ask any more."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # supervisors are not waited for
    while True:
        message, descriptors, _, _ = socket.recv_fds(connection, LARGEST_REQUEST, 4)
        if not message:
            return None
        if os.fork() == 0:
            connection.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            request = json.loads(message)
            _supervise(*descriptors[:1], *descriptors[1:])
            _become(request, descriptors[1:])
            return request
        for number in descriptors:
            os.close(number)


def _supervise(reporting: int, *streams: int) -> None:
    """Fork: the parent reports the child's number and its exit code, and ends; the child returns. It dies if nobody reads the report."""
    child = os.fork()
    if child == 0:
        os.close(reporting)
        return
    for number in (0, 1, 2, *streams):
        os.close(number)
    os.write(reporting, f"{child}\n".encode())
    if hasattr(os, "pidfd_open"):  # Linux
        _wait_for_either(os.pidfd_open(child), reporting, child)
    _, status = os.waitpid(child, 0)
    try:
        os.write(reporting, f"{os.waitstatus_to_exitcode(status)}\n".encode())
    finally:
        os._exit(0)


def _wait_for_either(ended: int, reporting: int, child: int) -> None:
    """Wait for the child's end, or kill the child and its session if nobody reads the report any more: the test run was killed."""
    waiting = select.poll()
    waiting.register(ended, select.POLLIN)
    waiting.register(reporting, 0)  # tells of its error alone
    if (reporting, select.POLLERR) in waiting.poll():
        try:
            os.killpg(child, signal.SIGKILL)
        except ProcessLookupError:  # it has no session of its own yet
            os.kill(child, signal.SIGKILL)


def _become(request: dict[str, Any], descriptors: list[int]) -> None:
    """Take the request's streams, signals, session, folder, environment and arguments, as an interpreter would find them."""
    os.setsid()
    for name in SIGNALS:
        usual = signal.default_int_handler if name == "SIGINT" else signal.SIG_DFL
        signal.signal(getattr(signal, name), signal.SIG_IGN if name in request["ignored"] else usual)
    for number in (0, 1, 2):
        os.close(number)
    for number, descriptor in zip(request["open"], descriptors, strict=True):
        os.dup2(descriptor, number)
        os.close(descriptor)
    if request["largest_file"] is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (request["largest_file"], request["largest_file"]))
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        stream = _stream(number, mode) if number in request["open"] else None
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _stream(number: int, mode: str) -> io.TextIOWrapper:
    unbuffered = bool(os.environ.get("PYTHONUNBUFFERED"))
    raw = io.FileIO(number, mode, closefd=False)
    buffer: Any = io.BufferedReader(raw) if mode == "r" else raw if unbuffered else io.BufferedWriter(raw)
    errors = "backslashreplace" if number == 2 else "strict"
    encoding = os.environ.get("PYTHONIOENCODING", "utf-8")
    return io.TextIOWrapper(buffer, encoding, errors, line_buffering=number == 2 or raw.isatty(), write_through=unbuffered)


def _load() -> None:
    """What commands load, in one thread, so that a fork has all of it."""
    import torch._dynamo  # at the first optimizer's step torch would load it in each child
    import torch.distributed

    import gan_style.build
    import gan_style.commands.evaluate
    import gan_style.commands.infer
    import gan_style.commands.prepare
    import gan_style.commands.report
    import gan_style.commands.train
    import gan_style.commands.train.sweep
    import gan_style.datasets.check
    import gan_style.datasets.compare
    import gan_style.datasets.convert

    assert torch.distributed.is_available() and gan_style.commands.train.train_command
    if compiled.asked():
        compiled.let_auto_be_on()
    threads = len(list(Path("/proc/self/task").iterdir())) if sys.platform == "linux" else 1
    assert threads == 1, f"{threads} threads: a fork would lack all but one"


def _execute(command: list[str]) -> int:
    """Run a script or a module as the main one; returns the exit code."""
    script, *arguments = command
    try:
        if script == "-m":
            sys.argv, sys.path[0] = arguments, ""
            runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
        else:
            sys.argv, sys.path[0] = [script, *arguments], str(Path(script).parent)
            runpy.run_path(script, run_name="__main__")
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _end(code: int) -> NoReturn:
    """The steps of an interpreter's end that anybody sees: threads, exit handlers, streams. 120: what was printed cannot be flushed."""
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            code = code or 120
    os._exit(code)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as asked:
        _load()
        gc.collect()
        gc.freeze()  # no collection of a child touches, and so copies, what was loaded
        wanted = _serve(asked)
    if wanted:
        _end(_execute(wanted["command"]))
