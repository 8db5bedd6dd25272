"""The folder in which a long work waits in parts, so that it goes on after a kill."""

from collections.abc import Mapping
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save

from gan_style.files.atomic import replacing, sweep
from gan_style.tiling.scratch import Scratch

PARTS = ".frames"  # in the folder of the result


class Parts:
    """The finished parts of one result: of each, a file and the arrays that are needed to go on after it.

    identity: what must be equal, so that earlier work goes on; suffix: of the files; root: of the folders, None for one beside the result
    finished: the number of parts that were there at the beginning
    `UserError` if another process works on the same result.
    """

    def __init__(self, target: Path, identity: Mapping[str, Any], suffix: str, root: Path | None = None) -> None:
        name = blake2b(str(target.absolute()).encode(errors="surrogateescape"), digest_size=8).hexdigest()
        self.folder, self._suffix, self._own = (root or target.parent / PARTS) / name, suffix, root is None
        self._scratch = Scratch(self.folder)
        self._scratch.begin(identity)
        sweep(self.folder)
        self.finished = 0
        while self.file(self.finished).is_file() and self._about(self.finished).is_file():
            self.finished += 1

    def file(self, number: int) -> Path:
        """The file of a part. It gets this name when it is whole, after `save`."""
        return self.folder / f"{number:06d}{self._suffix}"

    def save(self, number: int, about: Mapping[str, np.ndarray]) -> None:
        """Write what is needed to go on after a part."""
        with replacing(self._about(number)) as temporary:
            temporary.write_bytes(save({name: np.ascontiguousarray(each) for name, each in about.items()}))

    def load(self, number: int) -> dict[str, np.ndarray]:
        """What `save` wrote."""
        return load_file(self._about(number))

    def close(self, forget: bool) -> None:
        """forget: remove the folder, because its result is written or cannot be"""
        self._scratch.close(forget)
        if forget and self._own:
            with suppress(OSError):  # it holds the parts of another result
                self.folder.parent.rmdir()

    def _about(self, number: int) -> Path:
        return self.folder / f"{number:06d}.safetensors"
