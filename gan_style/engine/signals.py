"""SIGINT and SIGTERM as a wish to stop after the step in hand."""

import signal
from types import FrameType, TracebackType

import torch
import torch.distributed as dist


class StopRequest:
    """While entered, SIGINT and SIGTERM are noted instead of acted on; a second SIGINT stops at once.

    exit_code is 128 + the signal's number, as shells report it: 130 and 143.
    """

    def __init__(self) -> None:
        self.signal = 0
        self._previous: dict[int, object] = {}
        self._group: dist.ProcessGroup | None = None

    def __enter__(self) -> "StopRequest":
        for number in (signal.SIGINT, signal.SIGTERM):
            self._previous[number] = signal.signal(number, self._note)
        if dist.is_available() and dist.is_initialized():
            # On the CPU: asking a GPU every step would wait for it.
            self._group = dist.new_group(backend="gloo")  # type: ignore[assignment]
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    @property
    def exit_code(self) -> int:
        """0 while nothing was asked."""
        return 128 + self.signal if self.signal else 0

    def agreed(self) -> bool:
        """Was any process asked to stop? All processes get the same answer. Called by every process once a step."""
        if self._group is not None:
            asked = torch.tensor(self.signal)
            dist.all_reduce(asked, dist.ReduceOp.MAX, group=self._group)
            self.signal = int(asked)
        return self.signal != 0

    def _note(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and self.signal == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal = number
