"""Manifests of any content, folders of any shape, kept lists of any bytes: a list of files that lie where they may, or one line."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from fuzzing import fuzz
from hypothesis import strategies as st
from mutations import JSON_VALUES, TEXTS, changed, damaged

from gan_style.datasets import index
from gan_style.datasets.index import Index
from gan_style.datasets.keys import Keys
from gan_style.datasets.sources import find

FOUND = ["1.png", "sub/2.png", "sub\\2.png", "./1.png", "link.png", "round/round/1.png", "round/" * 30 + "1.png", "1.png/", "a b,.png"]
OUTSIDE = ["up/1.png", "up/set/1.png", "out.png", "../1.png", "/etc/passwd", "C:\\1.png"]
NO_FILES = ["loop", "sub", ".", "1.png\0", "\udcff.png", "r" * 256, "round/" * 1000 + "1.png", "pipe.png"]
NAMES = st.sampled_from(FOUND + OUTSIDE + NO_FILES)
ROWS = [{"a": "1.png", "b": "sub/2.png"}, {"a": "1.png", "b": "1.png", "split": "val"}, {"a": "1.png", "b": "1.png", "split": "test"}]
CSV = [b"a,b,split\n1.png,sub/2.png,\nlink.png,1.png,val\n", b'\xef\xbb\xbf"b","a"\r\n"a b,.png",1.png\r\n', b'a\n"1.png"\n']


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """set/ with files and links; pipe.png would keep its reader waiting."""
    root = tmp_path_factory.mktemp("manifests")
    for name in ("set/1.png", "set/sub/2.png", "set/a b,.png", "1.png"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    for name, target in {"link.png": "sub/2.png", "out.png": "../1.png", "up": "..", "loop": "loop", "round": "."}.items():
        (root / "set" / name).symlink_to(target)
    os.mkfifo(root / "set" / "pipe.png")
    return root / "set"


def read(manifest: Path, content: bytes, split: str, paired: bool) -> None:
    manifest.write_bytes(content)
    source = find(manifest, "auto", "val" if split == "val" else "train", paired)
    for key in (*source.a, *source.b) if source else ():
        path = Path(os.path.realpath(source.path(key)))
        assert path.is_file() and path.is_relative_to(os.path.realpath(manifest.parent))


USES = {"split": st.sampled_from(["train", "val"]), "paired": st.booleans()}


@fuzz(
    content=st.binary(max_size=300) | damaged([b"\n".join(json.dumps(row).encode() for row in ROWS), *CSV]),
    suffix=st.sampled_from([".csv", ".jsonl"]),
    **USES,
)
def test_bytes(folder: Path, content: bytes, suffix: str, split: str, paired: bool) -> None:
    read(folder / f"m{suffix}", content, split, paired)


@fuzz(rows=changed([*ROWS, *ROWS], JSON_VALUES | NAMES), wide=st.booleans(), **USES)
def test_json_rows(folder: Path, rows: list[object], wide: bool, split: str, paired: bool) -> None:
    text = "\n".join(json.dumps(row, ensure_ascii=not wide) for row in (rows if isinstance(rows, list) else [rows]))
    read(folder / "m.jsonl", text.encode("utf-8", "surrogatepass"), split, paired)


CELLS = NAMES | TEXTS | st.sampled_from(["train", "val", "", '"'])


@fuzz(
    header=st.permutations(["a", "b", "split"]) | st.lists(CELLS, max_size=4),
    rows=st.lists(st.lists(CELLS, max_size=4), max_size=6),
    quoted=st.booleans(),
    **USES,
)
def test_csv_rows(folder: Path, header: list[str], rows: list[list[str]], quoted: bool, split: str, paired: bool) -> None:
    cells = [['"{}"'.format(cell.replace('"', '""')) if quoted else cell for cell in row] for row in (header, *rows)]
    read(folder / "m.csv", "\n".join(map(",".join, cells)).encode("utf-8", "surrogatepass"), split, paired)


@fuzz(
    unit=st.binary(min_size=1, max_size=12) | st.sampled_from([b"[", b'{"a":', b'"', b'"\n",', b"9", b"\n", b"a,", b"\0"]),
    count=st.integers(1, 2**20),
)
def test_much_of_one_thing(folder: Path, unit: bytes, count: int) -> None:
    for suffix, beginning in ((".jsonl", b'{"a": '), (".csv", b"a,b\n")):
        read(folder / f"m{suffix}", beginning + unit * min(count, 2**22 // len(unit)), "train", True)


PARTS = st.sampled_from(["a", "b.png", "b.jpg", "c.v1", ".hidden", "..png", "d e.PNG", "new\nline.png", "\udcfe.png", "x" * 250 + ".png"])
ENTRIES = st.lists(
    st.tuples(st.lists(PARTS, min_size=1, max_size=4), st.sampled_from(["file", "folder", ".", "..", "../..", "gone", "../train"]))
)


@fuzz(entries=st.tuples(ENTRIES, ENTRIES), **USES)
def test_folders(tmp_path: Path, entries: tuple[list[tuple[list[str], str]], ...], split: str, paired: bool) -> None:
    shutil.rmtree(tmp_path)
    root = tmp_path / "1/2/3/4/5"  # deeper than the links lead up, or they would lead through other tests' folders
    root.mkdir(parents=True)
    for name, content in zip(("trainA", "trainB"), entries, strict=True):
        for parts, kind in content:
            path = root.joinpath(name, *parts)
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch() if kind == "file" else path.mkdir() if kind == "folder" else path.symlink_to(kind)
            except OSError:  # there is something else of that name
                continue
    source = find(root, "auto", "val" if split == "val" else "train", paired)
    for key in (*source.a, *source.b) if source else ():
        assert source is not None and source.path(key).is_file()


@fuzz(data=st.data(), sign=st.booleans())
def test_kept_lists(tmp_path: Path, data: st.DataObject, sign: bool) -> None:
    """Damaged ones, half of them under a checksum that is right."""
    entry = Index(tmp_path, "folders", "train", True)
    path = tmp_path / "kept.index"
    entry.path = path
    keys = Keys.of(["trainA/1.png", "trainA/2.png"])
    index._write(path, entry.subject, np.zeros(0, np.int64), (Keys.of(()), keys, keys))
    content = data.draw(damaged([path.read_bytes()]))
    path.unlink()
    path.write_bytes(content[:16] + index.hashlib.sha256(content[48:]).digest() + content[48:] if sign else content)
    source = entry.load()
    for key in (*source.a, *source.b) if source else ():
        assert isinstance(key, str)
