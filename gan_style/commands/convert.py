"""`gan-style convert`: weights of another project become a bundle, and a bundle becomes weights of another project."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from gan_style.bundles.place import DIRECTIONS, find_bundle, is_remote
from gan_style.commands.options import place, whole
from gan_style.commands.parser import CommandParser, refuse_idle
from gan_style.errors import UserError, nearest, one_line
from gan_style.files.opening import refusal
from gan_style.machine.memory import room_for

OURS = ".safetensors"
THEIRS = (".pth", ".pt", OURS)
USUAL_SIZE = 256


def convert_command(arguments: Sequence[str]) -> int:
    """Read, tell each setting in a line, write. Returns the exit code."""
    options = convert_parser().parse_args(arguments)
    given = _given(options.set)
    for option, text in (("--from", options.source), ("--to", options.target)):
        if why := refusal(text):
            raise UserError(f"{option} {text!r} {why}; give the path of a file")
    source, target = Path(options.source), Path(options.target)
    if not source.exists() and not is_remote(source):
        raise UserError(f"--from {source}: no such file or folder; give a file of weights, a bundle or a run folder")
    if target.suffix not in THEIRS:
        raise UserError(f"--to {target}: a bundle is a .safetensors, weights of another project a .pth, .pt or .safetensors; end it so")
    if target.exists() and not options.overwrite:
        raise UserError(f"--to {target}: exists; choose another name, or add --overwrite")
    with room_for(f"no memory to convert {source}", "free some"):
        told, write = _conversion(options, source, target, given)
        try:
            write()
        except (OSError, SafetensorError) as refused:
            why = getattr(refused, "strerror", None) or refused
            raise UserError(f"--to {target}: cannot be written ({why}); make room or choose another name") from None
    for line in told:
        print(one_line(line))
    print(one_line(f"{source} -> {target}"))
    return 0


def _conversion(options: Any, source: Path, target: Path, given: dict[str, str]) -> tuple[Sequence[str], Callable[[], None]]:
    """What is told of a conversion, and what writes its result. All mistakes are found before anything is written."""
    from gan_style.interop.bundle import as_bundle, open_bundle
    from gan_style.interop.network_file import open_discriminator, save_discriminator
    from gan_style.interop.projects import PROJECTS, read_foreign

    if options.kind != "auto" and options.kind not in PROJECTS:
        raise UserError(f"--kind {options.kind}: is none of auto, {', '.join(PROJECTS)}{nearest(options.kind, PROJECTS)}")
    ours = find_bundle("--from", source, options.direction) if is_remote(source) or source.is_dir() or _is_bundle(source) else None
    if target.exists() and target.samefile(ours or source):
        raise UserError(f"--to {target}: is the file of --from, which would be lost; choose another name")
    held = open_bundle(ours) if ours else open_discriminator(source)
    if held is not None:
        from gan_style.interop.outgoing import foreign_state, save_state
        from gan_style.interop.settings import Settings

        for option in ("method", "size"):
            refuse_idle(f"--{option}", getattr(options, option), False, "weights of another project in --from")
        if options.direction not in (None, held.direction):
            what = f"translates {held.direction}" if held.direction else "holds a discriminator"
            raise UserError(f"--direction {options.direction}: {held.path} {what}; leave it out")
        settings = Settings(given)
        kind, state = foreign_state(held, settings)
        if options.kind not in ("auto", kind):
            raise UserError(f"--kind {options.kind}: {held.path} holds a network {held.config.name}, which is of {kind}; leave it out")
        return settings.told, lambda: save_state(target, state)
    if target.suffix != OURS:
        raise UserError(f"--to {target}: {source} holds weights of another project, which become a bundle; end --to in {OURS}")
    foreign = read_foreign(source, given, options.kind)
    if foreign.role == "discriminator":
        for option in ("method", "direction", "size"):
            refuse_idle(f"--{option}", getattr(options, option), False, "a generator in --from")
        told = (*foreign.told, "no bundle: infer has no use for a discriminator; convert writes it back, and training begins from it")
        return told, lambda: save_discriminator(target, foreign.config, foreign.in_channels, foreign.weights)
    from gan_style.bundles.file import save_bundle
    from gan_style.methods import METHODS

    if options.method is not None and options.method not in METHODS:
        raise UserError(f"--method {options.method}: is no method{nearest(options.method, METHODS)}; there are {', '.join(METHODS)}")
    info, weights = as_bundle(foreign, source, options.method, options.direction or "a2b", options.size or USUAL_SIZE)
    size = "as given" if options.size else "by default: the weights do not show it; --size N otherwise"
    told = (
        *foreign.told,
        f"{'method':16}{info.method} {info.direction}",
        f"{'size':16}{info.resize.crop_size} (for infer --resize train; {size})",
    )
    return told, lambda: save_bundle(target, info, weights)


def _is_bundle(path: Path) -> bool:
    from gan_style.bundles.file import METADATA_KEY, opened

    try:
        with opened(path, METADATA_KEY):
            return True
    except Exception:  # any other file; what is wrong with it is said by its reader
        return False


def _given(texts: Sequence[str]) -> dict[str, str]:
    """The settings of --set, by key."""
    given: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not (key and equals):
            raise UserError(f"--set {text}: is no key=value, such as dropout=false")
        if key in given:
            raise UserError(f"--set {key}: given twice, and only one can count; leave one out")
        given[key] = value
    return given


def convert_parser() -> CommandParser:
    """The parser of the command line."""
    parser = CommandParser(
        prog="gan-style convert",
        description="Make a bundle of another project's weights, or weights of another project of a bundle.",
        epilog="Example: gan-style convert --from latest_net_G_A.pth --to horse2zebra.safetensors",
    )
    parser.add_argument(
        "--from",
        dest="source",
        type=place,
        required=True,
        metavar="FILE",
        help="weights of another project (.pth, .safetensors); or a bundle, a run folder, a discriminator that convert wrote",
    )
    parser.add_argument("--to", dest="target", type=place, required=True, metavar="FILE", help="the file to write")
    parser.add_argument("--kind", default="auto", metavar="auto|NAME", help="the other project; default: recognised by its weights")
    parser.add_argument("--method", metavar="NAME", help="the method whose bundle it becomes; default: that of the other project")
    parser.add_argument("--direction", choices=DIRECTIONS, help="the direction that it translates; default: a2b")
    parser.add_argument(
        "--size", type=whole(1, 16384), metavar="N", help=f"pixels of the training images, for infer --resize train; default: {USUAL_SIZE}"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a setting that the weights do not show; each is told with its default. May be repeated",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a file that exists")
    return parser
