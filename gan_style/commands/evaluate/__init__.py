"""`gan-style evaluate`. torch is imported only after the command line has been checked."""

from collections.abc import Sequence
from pathlib import Path

from gan_style.commands.evaluate.options import check_evaluate_options, evaluate_parser
from gan_style.commands.evaluate.result import result_table, write_json
from gan_style.machine.memory import room_for


def evaluate_command(arguments: Sequence[str]) -> int:
    """Measure as the command line says, print the table, and write --json. Returns the exit code."""
    options = evaluate_parser().parse_args(arguments)
    check_evaluate_options(options)
    from gan_style.commands.evaluate.bundle import measure_bundle
    from gan_style.commands.evaluate.folders import measure_folders
    from gan_style.machine.device import flushing_denormal

    advice = "take smaller pictures, ask for fewer --metrics, or take another --device"
    with room_for("no memory to measure this", advice), flushing_denormal():  # as in training, whose numbers must be reproduced
        result = measure_folders(options) if options.model is None else measure_bundle(options)
    try:
        if options.json is not None:
            write_json(Path(options.json), result)
    finally:  # if the table or the file fails, the other is still written
        print(result_table(result))
    return 0
