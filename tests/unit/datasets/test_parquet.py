"""Images in tables train as images in files do, bit for bit; what is wrong with a table is named."""

import importlib
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import datasets
import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from gan_style.config.schema import DataConfig
from gan_style.datasets import parquet
from gan_style.datasets.check import check
from gan_style.datasets.convert import to_parquet
from gan_style.datasets.dataset import open_dataset
from gan_style.datasets.loading import training_loader
from gan_style.datasets.sources import find
from gan_style.errors import UserError
from gan_style.files import images
from gan_style.files.looking import looking_only
from gan_style.types import Batch

Writer = Callable[..., None]


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left in the user's cache."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def folders(tmp_path: Path, write_pairs: Writer, write_palette: Writer) -> Path:
    """Seven pairs for training, one of them with a label map, one of 16 bits, one below a folder; two for validation."""
    root = tmp_path / "folders"
    write_pairs(root, "train", 5)
    write_pairs(root, "val", 2)
    write_palette(root / "trainA" / "s1.png")
    deep = np.random.default_rng(1).integers(0, 65536, (24, 32, 3), dtype=np.uint16)
    images.write(root / "trainA" / "s2.png", deep)
    for domain, suffix in (("A", "jpg"), ("B", "bmp")):
        images.write(root / f"train{domain}" / "sub dir" / f"née.{suffix}", (deep // 257).astype(np.uint8))
    images.write(root / "trainA" / "alpha.png", np.full((24, 32, 4), 99, np.uint8))
    images.write(root / "trainB" / "alpha.png", np.full((24, 32, 1), 99, np.uint8))
    return root


@pytest.fixture
def tables(folders: Path) -> Path:
    """The pairs of `folders` in several files."""
    to_parquet(folders, folders.parent / "tables", shard_bytes=12000)
    return folders.parent / "tables"


def config(root: Path | str, **changes: Any) -> DataConfig:
    return DataConfig(**{"root": str(root), "load_size": 20, "crop_size": 16, "workers": 0, **changes})


def batches(settings: DataConfig, paired: bool, start: str = "fork", rank: int = 0, world_size: int = 1) -> list[Batch]:
    loader = training_loader(open_dataset(settings, "train", "pairs" if paired else "domains", 3), settings, 0, 8, 2, rank, world_size)
    if settings.workers:
        loader.start_method = start
    return list(loader)


def same(first: list[Batch], second: list[Batch]) -> bool:
    return len(first) == len(second) and all(
        torch.equal(one.a, two.a)
        and torch.equal(one.b, two.b)
        and (one.keys["a"], one.keys["b"], one.slots) == (two.keys["a"], two.keys["b"], two.slots)
        for one, two in zip(first, second, strict=True)
    )


@pytest.mark.parametrize("paired", [True, False])
def test_training_from_tables_equals_training_from_the_files(folders: Path, paired: bool) -> None:
    tables = folders.parent / "tables"
    assert to_parquet(folders, tables, "auto" if paired else "unpaired", shard_bytes=6000) == (9 if paired else 18)
    assert len(list(tables.glob("train*-00001-of-*.parquet"))) == (1 if paired else 2), "several files of each"
    expected = batches(config(folders), paired)
    assert same(batches(config(tables), paired), expected)
    start = "fork" if paired else "spawn"
    assert same(batches(config(tables, source="parquet", workers=1 if start == "spawn" else 2), paired, start), expected)
    shares = [batches(config(tables), paired, rank=rank, world_size=2) for rank in range(2)]
    assert same(shares[1], batches(config(folders), paired, rank=1, world_size=2))
    files, rows = (open_dataset(config(root), "val", "pairs" if paired else "domains", 3) for root in (folders, tables))
    assert files is not None and rows is not None and rows.len_a == files.len_a == 2
    for index in range(2):
        for read in ("read_a", "read_b"):
            (expected_image, expected_key), (image, key) = getattr(files, read)(index), getattr(rows, read)(index)
            assert torch.equal(image, expected_image) and key == expected_key


def test_cells_are_the_files_and_datasets_reads_them_as_images(folders: Path, tables: Path) -> None:
    source = find(tables, "auto", "train", paired=True)
    assert source is not None and source.describe() == "7 pairs (parquet)"
    for domain in ("a", "b"):
        for index, key in enumerate(source.keys(domain)):
            image = source.image(domain, index)
            assert isinstance(image, images.Encoded) and image.data == (folders / key).read_bytes()
    loaded = datasets.load_dataset(str(tables))
    assert {name: len(rows) for name, rows in loaded.items()} == {"train": 7, "validation": 2}
    assert loaded["train"].features == {"a": datasets.Image(), "b": datasets.Image()}
    assert np.array_equal(np.asarray(loaded["train"][1]["a"]), images.read(folders / source.a[1], 3).pixels)


def test_an_unpaired_method_may_be_fed_from_pairs_and_not_the_other_way_round(folders: Path, tables: Path) -> None:
    source = find(tables, "auto", "train", paired=False)
    assert source is not None and not source.paired and len(source.a) == len(source.b) == 7
    to_parquet(folders, folders.parent / "other", "unpaired")
    with pytest.raises(UserError, match=r"other: holds no train-\*\.parquet, but trainA, trainB, valA, valB"):
        find(folders.parent / "other", "auto", "train", paired=True)


def test_validation_may_be_missing_and_training_may_not(tables: Path) -> None:
    for path in tables.glob("val-*"):
        path.unlink()
    assert find(tables, "auto", "val", paired=True) is None
    for path in tables.glob("train-*"):
        path.rename(path.with_name(path.name.replace("train", "val")))
    with pytest.raises(UserError, match=r"holds no train-\*\.parquet, but val;"):
        find(tables, "auto", "train", paired=True)


def write_rows(root: Path, *rows: tuple[Any, Any], name: str = "train-00000-of-00001.parquet") -> Path:
    """A table of pairs of cells, as anyone might write it."""
    cell = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    root.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"a": pa.array([a for a, _ in rows], cell), "b": pa.array([b for _, b in rows], cell)}), root / name)
    return root


@pytest.fixture
def cell(folders: Path) -> dict[str, Any]:
    return {"bytes": (folders / "trainA" / "s0.png").read_bytes(), "path": None}


def test_tables_of_others_need_no_paths(tmp_path: Path, cell: dict[str, Any]) -> None:
    root = write_rows(tmp_path / "set [1] {x}*", (cell, {**cell, "path": "b.png"}), (cell, cell), name="train.parquet")
    source = find(root, "auto", "train", paired=True)
    assert source is not None and source.a == ("train/0", "train/1") and source.b == ("b.png", "train/1")
    assert len(batches(config(root), True)) == 8


DAMAGE = {
    "no cell": (lambda cell: None, "holds no image"),
    "no bytes": (lambda cell: {"bytes": None, "path": "a.png"}, "holds no image"),
    "empty": (lambda cell: {"bytes": b"", "path": None}, "empty"),
    "no image": (lambda cell: {"bytes": b"text", "path": None}, "not an image"),
    "cut short": (lambda cell: {**cell, "bytes": cell["bytes"][:-200]}, "damaged or cut short"),
}


@pytest.mark.parametrize("name", DAMAGE)
@pytest.mark.parametrize("workers", [0, 1])
def test_a_bad_row_is_named_with_its_file(tmp_path: Path, cell: dict[str, Any], name: str, workers: int) -> None:
    damage, words = DAMAGE[name]
    write_rows(tmp_path / "set", (cell, cell), (cell, cell), name="train-00000-of-00002.parquet")
    root = write_rows(tmp_path / "set", (cell, cell), (cell, damage(cell)), (cell, cell), name="train-00001-of-00002.parquet")
    with pytest.raises(UserError, match=rf"train-00001-of-00002\.parquet, row 1, column b: .*{words}") as caught:
        batches(config(root, workers=workers), True)
    assert "\n" not in str(caught.value)
    report = check(root, workers=1)
    assert len(report.problems) == 1 and "train-00001-of-00002.parquet, row 1, column b: " in report.problems[0]
    assert [line.split()[:4] for line in report.table.splitlines()[1:]] == [["train", "A", "5", "0"], ["train", "B", "5", "1"]]


def test_check_compares_the_sizes_of_pairs(tmp_path: Path, cell: dict[str, Any], folders: Path) -> None:
    images.write(tmp_path / "small.png", np.zeros((4, 4, 3), np.uint8))
    root = write_rows(tmp_path / "set", (cell, cell), (cell, {"bytes": (tmp_path / "small.png").read_bytes(), "path": None}))
    (problem,) = check(root, workers=1).problems
    assert "row 1, column a: is 32 x 24, its partner" in problem and "row 1, column b is 4 x 4" in problem


def test_wrong_files_are_named(tmp_path: Path, tables: Path, cell: dict[str, Any]) -> None:
    def refused(root: Path | str, words: str) -> None:
        with pytest.raises(UserError, match=words) as caught:
            find(root, "parquet", "train", paired=True)
        assert "\n" not in str(caught.value)

    whole = (tables / "train-00001-of-00003.parquet").read_bytes()
    (tables / "train-00001-of-00003.parquet").unlink()
    refused(tables, "holds 2 files of train, whose names say 3")
    for content in (b"", b"text", whole[:-100], b"PAR1" + whole[4:-8] + b"\xff\xff\xff\x7fPAR1"):
        (tables / "train-00001-of-00003.parquet").write_bytes(content)
        refused(tables, r"train-00001-of-00003\.parquet: cannot be read as Parquet")
    middle = len(whole) // 2
    (tables / "train-00001-of-00003.parquet").write_bytes(b"PAR1" + bytes(middle) + whole[4 + middle :])
    refused(tables, "cannot be loaded")
    pq.write_table(pa.table({"a": [1]}), tables / "train-00001-of-00003.parquet")
    refused(tables, r"train-00001-of-00003\.parquet: has no column b")
    pq.write_table(pa.table({"a": [1], "b": [2]}), tables / "train-00001-of-00003.parquet")
    refused(tables, "cannot be loaded")
    refused(write_rows(tmp_path / "empty"), "has no rows")
    (tmp_path / "none").mkdir()
    refused(tmp_path / "none", "holds no train")
    refused("nothing://known/here", "cannot be listed")
    with pytest.raises(UserError, match="is a URL, which does not fit"):
        find("hf://datasets/a/b", "folders", "train", paired=True)


@pytest.fixture
def remote() -> Iterator[str]:
    system = fsspec.filesystem("memory")
    yield "memory://set"
    system.rm("/set", recursive=True)


def test_tables_at_a_url(folders: Path, tables: Path, remote: str, capfd: pytest.CaptureFixture[str]) -> None:
    for path in tables.iterdir():
        fsspec.filesystem("memory").pipe(f"/set/{path.name}", path.read_bytes())
    assert same(batches(config(remote), True), batches(config(folders), True))
    assert same(batches(config(f"file://{tables}"), True), batches(config(folders), True))
    assert check(remote, workers=1).problems == ()
    assert capfd.readouterr().err == "", "no bars where nobody watches"


def test_what_is_there_is_replaced_only_when_asked(folders: Path, tables: Path) -> None:
    before = {path.name: path.read_bytes() for path in tables.iterdir()}
    with pytest.raises(UserError, match=r"train-00000-of-00003\.parquet: exists already .*--overwrite"):
        to_parquet(folders, tables)
    assert {path.name: path.read_bytes() for path in tables.iterdir()} == before
    (tables / "mine.parquet").touch()
    to_parquet(folders, tables, overwrite=True)
    assert sorted(path.name for path in tables.iterdir()) == ["mine.parquet", "train-00000-of-00001.parquet", "val-00000-of-00001.parquet"]


def test_tables_that_were_written_anew_are_read_anew(folders: Path, tables: Path) -> None:
    """Hugging Face keeps what it has read in its cache."""
    first = find(tables, "auto", "train", paired=True)
    (folders / "trainA" / "s0.png").write_bytes((folders / "trainA" / "s3.png").read_bytes())
    to_parquet(folders, tables, shard_bytes=12000, overwrite=True)
    second = find(tables, "auto", "train", paired=True)
    assert first is not None and second is not None and first.a == second.a
    place = list(second.a).index("trainA/s0.png")
    image = second.image("a", place)
    assert image != first.image("a", place) and isinstance(image, images.Encoded)
    assert image.data == (folders / "trainA" / "s0.png").read_bytes()


def test_writing_holds_a_few_rows_at_a_time(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "ROW_GROUP_BYTES", 6000)
    to_parquet(folders, folders.parent / "tables")
    content = pq.ParquetFile(folders.parent / "tables" / "train-00000-of-00001.parquet").metadata
    assert content.num_row_groups >= 3 and content.num_rows == 7
    first = content.row_group(0).column(0)
    assert first.statistics is None and not any("DICTIONARY" in name for name in first.encodings), "which would hold images too"
    assert find(folders.parent / "tables", "auto", "train", paired=True) is not None


def test_what_cannot_become_a_table_is_named(folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "out"
    images.write(tmp_path / "sides" / "train" / "1.png", np.zeros((4, 8, 3), np.uint8))
    for root in (tmp_path / "sides", write_rows(tmp_path / "set", (None, None))):
        with pytest.raises(UserError, match="must be folders or a manifest"):
            to_parquet(root, output)
    for domain in "AB":
        shutil.copy(folders / f"train{domain}" / "s0.png", folders / f"train{domain}" / "raw\udcff.png")
    with pytest.raises(UserError, match="its name is not UTF-8"):
        to_parquet(folders, output)
    assert not list(output.glob("*")), "nothing half"
    monkeypatch.setattr("gan_style.datasets.convert._MOST_BYTES", 100)
    with pytest.raises(UserError, match=r"\.(png|jpg): has 0 MB, more than the 0 MB that a cell may have"):
        to_parquet(folders, output)


def test_without_the_library_the_extra_is_named(tables: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    monkeypatch.delitem(sys.modules, "gan_style.datasets.parquet")
    monkeypatch.delattr(importlib.import_module("gan_style.datasets"), "parquet")
    with pytest.raises(UserError, match=r"pip install 'gan_style\[parquet\]'"):
        find(tables, "auto", "train", paired=True)


def test_folders_come_before_tables(folders: Path, tables: Path) -> None:
    for path in tables.iterdir():
        shutil.copy(path, folders)
    for layout, expected in (("auto", "folders"), ("parquet", "parquet")):
        source = find(folders, layout, "train", paired=True)
        assert source is not None and source.layout == expected


def test_the_global_generators_do_not_move(tables: Path) -> None:
    torch.manual_seed(1)
    np.random.seed(1)
    before = torch.get_rng_state(), np.random.get_state()[1].tolist()  # type: ignore[union-attr]
    batches(config(tables), True)
    assert torch.equal(before[0], torch.get_rng_state()) and before[1] == np.random.get_state()[1].tolist()  # type: ignore[union-attr]


def test_one_who_only_looks_leaves_no_cache(folders: Path, tmp_path: Path) -> None:
    to_parquet(folders, tmp_path / "tables")
    cache = Path(datasets.config.HF_DATASETS_CACHE)
    with looking_only() as looking:
        source = find(str(tmp_path / "tables"), "auto", "train", paired=True)
        assert source is not None and len(source.a) == 7
        assert list(looking.folder.iterdir())
    assert not looking.folder.exists() and not list(cache.iterdir())
    find(str(tmp_path / "tables"), "auto", "train", paired=True)
    assert list(cache.iterdir())
