"""`gan-style export`: a bundle becomes one file that other programs run. torch is imported only after the command line has been checked."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from gan_style.bundles.place import DIRECTIONS, find_bundle
from gan_style.commands.export_page import export_page
from gan_style.commands.options import path
from gan_style.commands.parser import CommandParser
from gan_style.errors import UserError, one_line
from gan_style.files.atomic import check_writable, write_text
from gan_style.files.opening import refusal
from gan_style.machine.memory import room_for

SUFFIXES = (".onnx", ".pt2", ".ts")


def export_command(arguments: Sequence[str]) -> int:
    """Write the file, and print each comparison with torch. Returns the exit code."""
    options = export_parser().parse_args(arguments)
    _check_options(options)
    for option in ("model", "output", "web", "ort"):
        if (place := getattr(options, option)) is not None and (why := refusal(str(place))):
            raise UserError(f"--{option} {place}: {why}; give another path")
    bundle = find_bundle("--model", options.model, options.direction)
    if options.web is not None:
        return export_page(options, bundle)
    output: Path = options.output
    config = output.with_name("config.pbtxt") if options.triton else None
    _check_output(output, config, options.overwrite)
    with room_for(f"no memory to export {bundle}", "free some, or export on a larger machine"):
        from gan_style.exporting.triton import triton_config
        from gan_style.exporting.write import export

        info = export(bundle, output, options.input, options.precision, options.direction, lambda line: print(one_line(line), flush=True))
    if config is not None:
        _write(config, triton_config(output.stem, output.name, info))
        folder = output.stem
        print(one_line(f"{config}: for the folder {folder}/ of Triton's model repository, and {output.name} for {folder}/1/"))
    assert info.accuracy is not None
    opset = f", opset {info.opset}" if info.opset else ""
    told = f"{info.bundle.method} {info.bundle.direction}, step {info.bundle.step}, {info.input}, {info.precision}{opset}"
    print(one_line(f"{output}: {told}, within {info.accuracy.error:.2g} of the range (allowed: {info.accuracy.allowed:g})"))
    return 0


def _check_options(options: argparse.Namespace) -> None:
    """`UserError` for options that have no effect together."""
    if (options.output is None) == (options.web is None):
        raise UserError("gan-style export: give --output FILE or --web DIR, one of them")
    if options.ort is not None and options.web is None:
        raise UserError("--ort: is for --web DIR; leave it out")
    for option, usual in (("input", (None, "uint8")), ("precision", ("fp32",)), ("triton", (False,))):
        if options.web is not None and getattr(options, option) not in usual:
            raise UserError(f"--{option}: the page of --web has an ONNX file of uint8 and fp32; leave it out")


def _check_output(output: Path, config: Path | None, overwrite: bool) -> None:
    """`UserError` if a file cannot be written there, or would replace another."""
    if output.suffix.lower() not in SUFFIXES:
        raise UserError(f"--output {output}: its suffix chooses the format; name it {', '.join(output.stem + each for each in SUFFIXES)}")
    if config is not None and output.suffix.lower() != ".onnx":
        raise UserError(f"--triton: is for ONNX; name the output {output.stem}.onnx, or leave it out")
    for file in filter(None, (output, config)):
        if file.exists() and not overwrite:
            raise UserError(f"--output {file}: exists; choose another name, or take --overwrite")
        try:
            check_writable(file)
        except OSError as failure:
            raise UserError(f"--output {file}: cannot be written ({failure.strerror}); choose another place") from failure


def _write(file: Path, text: str) -> None:
    try:
        write_text(file, text)
    except OSError as failure:
        raise UserError(f"{file}: cannot be written ({failure.strerror}); make room or choose another --output") from failure


def export_parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    parser = CommandParser(
        prog="gan-style export",
        description="Write the network of a bundle as one file for other programs, and compare the file with torch on two sizes and two "
        "batches. It takes pictures of any size; ranges and padding are part of it.",
        epilog="Example: gan-style export --model runs/pix2pix --output pix2pix.onnx",
    )
    parser.add_argument(
        "--model", type=path, required=True, metavar="BUNDLE|RUN_DIR", help="a .safetensors bundle, or a run folder with bundles/ in it"
    )
    parser.add_argument(
        "--output",
        type=path,
        metavar="FILE.onnx|FILE.pt2|FILE.ts",
        help="ONNX (needs gan_style[export]), torch.export's format, or TorchScript",
    )
    parser.add_argument("--direction", choices=DIRECTIONS, help="which bundle of a run folder; default: a2b where there is one")
    parser.add_argument(
        "--input",
        choices=("uint8", "float"),
        help="pictures in and out: uint8 [B, H, W, C] from 0 to 255 (default), or float [B, C, H, W] from -1 to 1 (of measurements)",
    )
    parser.add_argument(
        "--precision", choices=("fp32", "fp16"), default="fp32", help="of convolutions and linear layers; default: %(default)s"
    )
    parser.add_argument("--triton", action="store_true", help="write config.pbtxt of Triton Inference Server beside an ONNX file")
    parser.add_argument(
        "--web", type=path, metavar="DIR", help="write a page that translates in the browser, without a server; npm fetches onnxruntime-web"
    )
    parser.add_argument("--ort", type=path, metavar="DIR", help="the folder of onnxruntime-web, for --web without npm")
    parser.add_argument("--overwrite", action="store_true", help="replace files that exist")
    return parser
