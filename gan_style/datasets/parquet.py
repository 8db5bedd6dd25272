"""The layout `parquet`: encoded images in tables, which Hugging Face `datasets` maps into memory.

Pairs are rows of train-*.parquet with the columns `a` and `b`. Unpaired images are rows of trainA-*.parquet and trainB-*.parquet with the
column `image`. A cell is an Image of `datasets`: {bytes: the encoded file, path: the file's key}.
"""

import glob
import re
import sys
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gan_style.datasets.keys import Keys
from gan_style.datasets.layouts import table_of
from gan_style.datasets.survey import Source, Split, Survey, shown
from gan_style.errors import UserError
from gan_style.files.atomic import replacing
from gan_style.files.images import Encoded
from gan_style.files.looking import cache_folder
from gan_style.terminal.progress import watched

try:
    import datasets
    import fsspec
    import pyarrow as pa
    import pyarrow.parquet as pq
except ImportError as failure:
    raise UserError(f"Parquet needs Hugging Face datasets ({failure}): pip install 'gan_style[parquet]'") from failure

ROW_GROUP_BYTES = 2**24  # bytes that are written at once, and held in memory until then

_PART = re.compile(r"-\d+-of-(\d{1,9})\.parquet$")


@dataclass(frozen=True)
class Column:
    """A column of images. files: the files that hold its rows, in order; ends: the number of rows up to the end of each file"""

    rows: Any  # a datasets.Dataset that gives Arrow tables
    column: str
    files: Sequence[str]
    ends: Sequence[int]

    def name(self, index: int) -> str:
        """The name of a row in messages: its file, and its number in that file, from 0."""
        place = bisect_right(self.ends, index)
        return f"{self.files[place]}, row {index - (self.ends[place - 1] if place else 0)}, column {self.column}"

    def image(self, index: int) -> Encoded:
        with _mistakes(f"{self.name(index)}: cannot be read", "write the file again"):
            data = self.rows[index][self.column][0].as_py()
        if data is None or data["bytes"] is None:
            raise UserError(f"{self.name(index)}: holds no image, whose bytes must lie in the table itself; remove the row")
        return Encoded(self.name(index), data["bytes"])

    def keys(self, table: str) -> Keys:
        """The paths in the cells; for a cell without a path the table's name and a number."""

        def paths() -> Iterator[str | None]:
            for rows in self.rows.iter(1000):
                for part in rows[self.column].chunks:
                    yield from part.field("path").to_pylist()

        with _mistakes(f"{self.name(0)}: the paths cannot be read", "write the file again"):
            return Keys.of(path or f"{table}/{row}" for row, path in enumerate(paths()))


@dataclass(frozen=True)
class ParquetSource(Source):
    """A source whose images lie in tables. The key of an image is the path of its original file."""

    columns: Mapping[str, Column]

    def name(self, domain: str, index: int) -> str:
        return self.columns[domain].name(index)

    def image(self, domain: str, index: int) -> Encoded:
        return self.columns[domain].image(index)


def survey_parquet(root: str, split: Split, paired: bool) -> Survey:
    """Survey the tables of one split below a folder or URL."""
    tables = find_tables(root)
    halves = not paired and bool(tables.keys() & {f"{split}A", f"{split}B"})
    wanted = {domain: f"{split}{domain.upper()}" if halves else split for domain in ("a", "b")}
    if split != "train" and not tables.keys() & set(wanted.values()):
        return Survey(None)
    for table in wanted.values():
        if table not in tables:
            raise UserError(f"{root}: holds no {table}-*.parquet, but {', '.join(sorted(tables)) or 'other files'}; correct data.root")
    names = {domain: "image" if halves else domain for domain in wanted}
    opened = {table: _open(tables[table], sorted(set(names.values()))) for table in set(wanted.values())}
    columns = {domain: opened[table][names[domain]] for domain, table in wanted.items()}
    a, b = (columns[domain].keys(table) for domain, table in wanted.items())
    return Survey(ParquetSource("parquet", Path(root), a, b, paired, columns, split=split))


def find_tables(root: str) -> dict[str, list[str]]:
    """The Parquet files below a folder or URL, in order, by the table (train, valA, ...) that each belongs to."""
    with _mistakes(f"{root}: cannot be listed", "check data.root"):
        system, folder = fsspec.core.url_to_fs(root)
        local = "file" in system.protocol
        found = system.glob(f"{glob.escape(folder) if local else folder.rstrip('/')}/*.parquet")
    tables: dict[str, list[str]] = {}
    for file in sorted(found):
        if table := table_of(file.rpartition("/")[2]):
            tables.setdefault(table, []).append(file if local else system.unstrip_protocol(file))
    for table, files in tables.items():
        totals = {int(part[1]) for file in files if (part := _PART.search(file))}
        if totals and totals != {len(files)}:
            counts = " or ".join(map(str, sorted(totals)))
            raise UserError(f"{root}: holds {len(files)} files of {table}, whose names say {counts}; copy or write them all again")
    return tables


def write_file(path: Path, columns: Sequence[str], rows: Iterable[Sequence[tuple[str, bytes]]]) -> None:
    """Write rows atomically. A row has (key, encoded image) for every column."""
    schema = datasets.Features(dict.fromkeys(columns, datasets.Image())).arrow_schema
    with replacing(path) as temporary, pq.ParquetWriter(temporary, schema, use_dictionary=False, write_statistics=False) as writer:
        for group in _groups(rows):
            cells = ([{"path": key, "bytes": data} for key, data in column] for column in zip(*group, strict=True))
            writer.write_table(pa.table(dict(zip(columns, cells, strict=True)), schema=schema))


def _groups(rows: Iterable[Sequence[tuple[str, bytes]]]) -> Iterator[list[Sequence[tuple[str, bytes]]]]:
    group, size = [], 0
    for row in rows:
        group.append(row)
        size += sum(len(data) for _, data in row)
        if size >= ROW_GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _open(files: Sequence[str], columns: list[str]) -> dict[str, Column]:
    ends: list[int] = []
    for file in files:
        with _mistakes(f"{shown(file)}: cannot be read as Parquet", "copy or write it again"):
            system, path = fsspec.core.url_to_fs(file)
            with system.open(path) as stream:
                content = pq.ParquetFile(stream)
                ends.append(content.metadata.num_rows + (ends[-1] if ends else 0))
                missing = set(columns) - set(content.schema_arrow.names)
        if missing:
            raise UserError(f"{shown(file)}: has no column {' or '.join(sorted(missing))}; see data/README.md for the layouts")
    if not ends[-1]:
        raise UserError(f"{shown(files[0])}: has no rows; give tables with images")
    with (
        _mistakes(f"{shown(files[0])}: cannot be loaded by Hugging Face datasets", "write it again, or look at its cache (HF_HOME)"),
        _bars_on_terminals(),
    ):
        rows = datasets.Dataset.from_parquet(
            [file if "://" in file else glob.escape(file) for file in files],
            features=datasets.Features(dict.fromkeys(columns, datasets.Image(decode=False))),
            columns=columns,
            cache_dir=str(folder) if (folder := cache_folder()) else None,  # pyright: ignore[reportArgumentType] - None is its default
        )
    return {column: Column(rows.with_format("arrow"), column, tuple(files), tuple(ends)) for column in columns}


@contextmanager
def _bars_on_terminals() -> Iterator[None]:
    if watched(sys.stderr) or datasets.are_progress_bars_disabled():
        yield
        return
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        datasets.enable_progress_bars()


@contextmanager
def _mistakes(what: str, advice: str) -> Iterator[None]:
    try:
        yield
    except Exception as failure:  # every file system of fsspec has its own, and Arrow and datasets have theirs
        cause = failure.__cause__ or failure
        raise UserError(f"{what} ({' '.join(str(cause).split()) or type(cause).__name__}); {advice}") from failure
