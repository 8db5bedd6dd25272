"""`gan-style serve`. torch is imported only after the command line has been checked."""

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from importlib.util import find_spec

from gan_style.commands.options import device_option, number, place, whole
from gan_style.commands.parser import CommandParser
from gan_style.errors import UserError, one_line
from gan_style.serving.names import TOKEN, check_host, named_bundles

EXTRA = ("starlette", "uvicorn", "python_multipart")


def serve_command(arguments: Sequence[str]) -> int:
    """Serve as the command line says, until a signal comes. Returns the exit code."""
    options = serve_parser().parse_args(arguments)
    token = os.environ.get(TOKEN)
    check_host(options.host, token, options.without_token)
    bundles = named_bundles(options.model)
    if missing := [name for name in EXTRA if find_spec(name) is None]:
        raise UserError(f"gan-style serve: needs {', '.join(missing)}: pip install 'gan_style[serve]'")

    from gan_style.serving.app import Limits, Service
    from gan_style.serving.log import Log
    from gan_style.serving.models import Model
    from gan_style.serving.server import Server, listening, url_of

    with listening(options.host, options.port) as opened:
        url, log = url_of(opened), Log()
        models = {name: Model.load(name, path, options.device, options.precision, options.batch_size) for name, path in bundles.items()}
        limits = Limits(options.queue, options.max_body * 2**20, options.max_pixels, options.body_seconds, options.deadline)
        service = Service(models, limits, token or None)

        def begun() -> None:
            log("serving", url=url, models={name: model.sha256 for name, model in models.items()}, token=token is not None)
            print(one_line(f"serving {', '.join(models)} on {url}; Ctrl-C ends it"), file=sys.stderr, flush=True)

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of clients' pictures: Python remembers each that it has shown, for ever
            return Server(service, log, options.drain, begun).serve_on(opened)


def serve_parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    parser = CommandParser(
        prog="gan-style serve",
        description="Translate pictures over HTTP: POST /translate answers with the bytes that gan-style infer writes. "
        f"Clients must send the token that the environment variable {TOKEN} holds, where it is set.",
        epilog="Example: gan-style serve --model runs/pix2pix, then curl --data-binary @photo.jpg localhost:8000/translate -o result.png",
    )
    parser.add_argument(
        "--model",
        type=place,
        required=True,
        action="append",
        metavar="[NAME=]BUNDLE|RUN_DIR",
        help="a .safetensors bundle, or a run folder with bundles/ in it; give it several times to serve several",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at; default: %(default)s, this machine alone")
    parser.add_argument("--port", type=whole(0, 65535), default=8000, metavar="N", help="0 takes a free one; default: %(default)s")
    parser.add_argument("--without-token", action="store_true", help="let others connect without a token, for a --host that others reach")
    device_option(parser)
    parser.add_argument(
        "--precision", choices=("fp32", "bf16", "fp16"), default="fp32", help="of the network's arithmetic; default: %(default)s"
    )
    parser.add_argument(
        "--batch-size",
        type=_batch_size,
        default=None,
        metavar="auto|N",
        help="most pictures of one size in one forward; auto (default): as gan-style infer, 8 on a GPU and 1 on a CPU",
    )
    limit = parser.add_argument_group("limits").add_argument
    limit("--queue", type=whole(1, 10_000), default=128, metavar="N", help="most requests at once, then 429; default: %(default)s")
    limit("--max-body", type=whole(1, 300), default=64, metavar="MIB", help="most MiB of a request's body, then 413; default: %(default)s")
    limit("--max-pixels", type=whole(1, 105_000_000), default=2**25, metavar="N", help="most of a picture, then 413; default: %(default)s")
    limit("--body-seconds", type=number(0.01, 3600), default=30.0, metavar="S", help="to send a body, then 408; default: %(default)g")
    limit(
        "--deadline", type=number(0.01, 86400), default=60.0, metavar="S", help="from there to the answer, then 504; default: %(default)g"
    )
    limit("--drain", type=whole(1, 86400), default=60, metavar="S", help="to answer what waits, after SIGTERM; default: %(default)s")
    return parser


def _batch_size(text: str) -> int | None:
    return None if text == "auto" else whole(1, 4096, "auto")(text)
