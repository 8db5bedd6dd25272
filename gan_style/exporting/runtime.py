"""onnxruntime-web: the two files that run an ONNX network in a browser."""

import base64
import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from gan_style.errors import UserError, one_line
from gan_style.files.opening import read_regular

VERSION = "1.30.0"
SHA512 = "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="  # of the package, in base64
FILES = ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm")
LARGEST = 2**26  # bytes of one of these files, and of the package
SECONDS = 300  # to fetch the package

_BY_HAND = f"fetch onnxruntime-web {VERSION} elsewhere, unpack it, and give its folder as --ort"


def runtime_files(folder: Path | None) -> dict[str, bytes]:
    """Name -> content of `FILES`. folder: of an unpacked package, or of its dist/; None: npm fetches the package, which is verified.

    `UserError` if they cannot be had.
    """
    return _fetched() if folder is None else _found(folder)


def _found(folder: Path) -> dict[str, bytes]:
    place = next((each for each in (folder, folder / "dist", folder / "package" / "dist") if (each / FILES[0]).is_file()), folder)
    found = {}
    for name in FILES:
        try:
            found[name] = read_regular(place / name, LARGEST)
        except OSError as failure:
            raise UserError(f"--ort {folder}: {name} cannot be read ({failure.strerror}); give the folder of onnxruntime-web") from failure
    return found


def _fetched() -> dict[str, bytes]:
    npm = shutil.which("npm")
    if npm is None:
        raise UserError(f"--web: npm is not installed, which fetches onnxruntime-web; install it, or {_BY_HAND}")
    with tempfile.TemporaryDirectory() as folder:
        command = [npm, "pack", f"onnxruntime-web@{VERSION}", "--silent", "--ignore-scripts", "--pack-destination", folder]
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SECONDS, stdin=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            raise UserError(f"--web: npm did not fetch onnxruntime-web within {SECONDS} s; {_BY_HAND}") from None
        packages = [*Path(folder).glob("*.tgz")]
        if done.returncode or not packages:
            why = one_line(done.stderr.strip())[:200] or f"exit code {done.returncode}"
            raise UserError(f"--web: npm cannot fetch onnxruntime-web ({why}); {_BY_HAND}")
        return unpacked(packages[0])


def unpacked(package: Path) -> dict[str, bytes]:
    """`FILES` of a package. `UserError` unless it is the one that `SHA512` knows."""
    content = read_regular(package, LARGEST)
    if base64.b64encode(hashlib.sha512(content).digest()).decode() != SHA512:
        raise UserError(f"--web: the package of onnxruntime-web {VERSION} that npm fetched has another SHA-512; {_BY_HAND}")
    with tarfile.open(package) as archive:
        members = {name: archive.extractfile(f"package/dist/{name}") for name in FILES}
        return {name: member.read() for name, member in members.items() if member is not None}
