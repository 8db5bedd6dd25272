"""`limited.py BYTES VERB ...`: `gan-style VERB ...` in a process that the system refuses more than BYTES beyond those it has.

A process of its own, since oneDNN may remember a kernel that it had no memory to make, and fail again when there is room.
"""

import sys

from fuzzing import limited_memory

import gan_style.build
import gan_style.commands.infer
import gan_style.commands.train  # noqa: F401 - what is loaded later would count
from gan_style.__main__ import run

if __name__ == "__main__":
    with limited_memory(int(sys.argv[1])):
        code = run(sys.argv[2:])
    sys.exit(code)
