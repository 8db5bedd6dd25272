"""One process of a distributed run: train.py's own command, then this process's weights as a hash in a file of its own.

Usage: worker.py HASHES_FOLDER [train.py's arguments ...]
"""

import hashlib
import json
import sys
from pathlib import Path

from gan_style import build
from gan_style.engine.run import Run


def main() -> int:
    folder = Path(sys.argv[1])
    fit = Run.fit

    def fit_and_hash(run: Run) -> int:
        code = fit(run)
        digest = hashlib.sha256()
        for name, network in sorted(run.trainer.networks.items()):
            for key, value in network.state_dict().items():
                digest.update(f"{name}/{key}".encode())
                digest.update(value.cpu().contiguous().numpy().tobytes())
        state = run.accelerator.state
        report = {"processes": state.num_processes, "hash": digest.hexdigest(), "device": state.device.type}
        (folder / f"rank_{state.process_index}.json").write_text(json.dumps(report))
        return code

    Run.fit = fit_and_hash  # type: ignore[method-assign]
    return build.train_command(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
