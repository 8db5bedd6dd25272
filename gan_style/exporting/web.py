"""The page of `gan-style serve` as a folder of files: the network runs in the browser, and no server translates."""

from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from pydantic_core import to_json

from gan_style.bundles.exported import ExportInfo
from gan_style.bundles.file import BundleInfo
from gan_style.conditions import Noise
from gan_style.errors import UserError
from gan_style.files.atomic import replacing
from gan_style.version import VERSION

NETWORK = "network.onnx"
PIXELS = 2**21  # most of a picture: a browser gives WebAssembly 4 GiB at most
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' blob:; base-uri 'none'; form-action 'none'"
)
_KINDS = (".html", ".css", ".js", ".svg")
_HEAD = '<meta charset="utf-8">\n'


def page_files(name: str, info: ExportInfo, runtime: Mapping[str, bytes]) -> dict[str, bytes]:
    """Path in the folder -> content of every file but the network. name: of the model; runtime: `runtime.runtime_files`"""
    package = files("gan_style")
    page = _contents(package / "serving" / "page") | _contents(package / "exporting" / "page")
    html = page.pop("index.html").decode()
    assert _HEAD in html
    html = html.replace(_HEAD, f'{_HEAD}<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n')
    return {
        "index.html": html.encode(),
        "network.json": to_json(_told(name, info), indent=1),
        **{f"page/{file}": content for file, content in page.items()},
        **{f"ort/{file}": content for file, content in runtime.items()},
    }


def check_web(info: BundleInfo) -> None:
    """`UserError` if a browser has no picture for the network."""
    if isinstance(info.condition, Noise):
        raise UserError("--web: the network makes pictures from noise, and the page translates pictures; take --output FILE.onnx")
    if info.values_in is not None or info.values_out is not None:
        raise UserError("--web: the network translates measurements, and the page pictures; take --output FILE.onnx")
    for name, channels in (("takes", info.in_channels), ("makes", info.out_channels)):
        if channels not in (1, 3):
            raise UserError(f"--web: the network {name} {channels} channels, and the page has 1 or 3; take --output FILE.onnx")


def write_files(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write each file whole. `UserError` if one cannot be written."""
    for name, content in contents.items():
        place = folder / name
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with replacing(place) as temporary:
                temporary.write_bytes(content)
        except OSError as failure:
            raise UserError(
                f"--web {folder}: {name} cannot be written ({failure.strerror}); make room or choose another place"
            ) from failure


def _told(name: str, info: ExportInfo) -> dict[str, Any]:
    """What the page asks of a server: GET /models, and GET /metadata; and the network's inputs."""
    bundle, condition = info.bundle, info.condition
    model = {
        "name": name,
        "method": bundle.method,
        "direction": bundle.direction,
        "step": bundle.step,
        "takes": condition.kind,
        "names": list(getattr(condition, "names", ())),
    }
    limits = {"pixels": PIXELS, "body_bytes": 2**40}
    return {
        "gan_style": VERSION,
        "models": [model],
        "limits": limits,
        "bundle": bundle.model_dump(mode="json"),
        "inputs": [port.model_dump(mode="json") for port in info.inputs],
    }


def _contents(folder: Traversable) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.name.endswith(_KINDS)}
