"""Cached images: the same bits as without a cache, whatever happens to files, folders and settings."""

import errno
import multiprocessing
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pictures import draw, draw_folders
from PIL import Image

from gan_style.config.schema import DataConfig
from gan_style.datasets import image_cache, resized
from gan_style.datasets.dataset import TrainingSet, open_dataset
from gan_style.datasets.image_cache import images_folder
from gan_style.datasets.loading import training_loader
from gan_style.datasets.reading import Loaded
from gan_style.errors import UserError
from gan_style.files import images
from gan_style.files.looking import looking_only
from gan_style.types import Batch

CACHES = ["memory", "disk"]
COUNT = 6


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of cached images."""
    monkeypatch.setenv("GAN_STYLE_CACHE", str(tmp_path / "cache"))
    folder = images_folder()
    assert folder == tmp_path / "cache" / "images"
    return folder


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pairs whose files count as settled at once."""
    monkeypatch.setattr(resized, "_SETTLED", 0)
    return draw_folders(tmp_path / "set", train=COUNT, size=40)


def config(root: Path, cache: str, **changes: Any) -> DataConfig:
    return DataConfig(**{"root": str(root), "load_size": 20, "crop_size": 16, "workers": 0, "cache": cache, **changes})


def training(settings: DataConfig, needs: Any = "pairs") -> TrainingSet:
    return open_dataset(settings, "train", needs, 3)


def batches(settings: DataConfig, needs: Any = "pairs", dataset: TrainingSet | None = None) -> list[Batch]:
    """Two epochs."""
    return list(training_loader(dataset or training(settings, needs), settings, 0, COUNT, 2))


def same(first: list[Batch], second: list[Batch]) -> bool:
    return len(first) == len(second) and all(
        one.images.keys() == two.images.keys()
        and one.keys == two.keys
        and all(one.images[name].dtype == two.images[name].dtype and torch.equal(one.images[name], two.images[name]) for name in one.images)
        for one, two in zip(first, second, strict=True)
    )


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def count_reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are decoded from now on."""
    seen: list[str] = []
    read = images.read

    def counted(path: Any, *arguments: Any, **more: Any) -> images.Picture:
        seen.append(str(path))
        return read(path, *arguments, **more)

    monkeypatch.setattr(images, "read", counted)
    return seen


WRITES = {"name": "PixelDropout", "dropout_prob": 0.3, "p": 1.0}
SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "none": {"preprocess": "none"},
    "crop": {"preprocess": "crop"},
    "scale_width": {"preprocess": "scale_width"},
    "labels": {"domain_a": {"labels": "yes"}},
    "gray": {"domain_b": {"channels": 1}},
    "alpha": {"domain_a": {"channels": 4}},
    "moved": {"transforms": [{"name": "Rotate", "p": 0.7}]},
    "recoloured": {"domain_a": {"transforms": [{"name": "RandomBrightnessContrast", "p": 1.0}, WRITES]}},
}


@pytest.mark.parametrize("kind", CACHES)
@pytest.mark.parametrize("needs", ["pairs", "domains"])
@pytest.mark.parametrize("name", SETTINGS)
def test_batches_are_those_of_no_cache_and_no_image_is_decoded_twice(
    root: Path, kind: str, needs: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = np.random.default_rng(1).integers(0, 2**16, (40, 40, 3), dtype=np.uint16)
    images.write(root / "trainA" / "000.png", deep)
    expected = batches(config(root, "off", **SETTINGS[name]), needs)
    settings = config(root, kind, **SETTINGS[name])
    dataset, reads = training(settings, needs), count_reads(monkeypatch)
    assert same(batches(settings, dataset=dataset), expected)
    assert len(reads) == len(set(reads)) == 2 * COUNT, "the second epoch comes from the cache"
    assert same(batches(settings, dataset=dataset), expected)
    if kind == "disk":
        assert same(batches(settings, needs), expected), "another run takes the same files"
    assert len(reads) == 2 * COUNT


@pytest.mark.parametrize("kind", CACHES)
def test_side_by_side_files_are_cached_by_halves(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resized, "_SETTLED", 0)
    (tmp_path / "train").mkdir()
    for number in range(COUNT):
        Image.fromarray(np.concatenate([draw(number, 40), 255 - draw(number, 40)], axis=1)).save(tmp_path / "train" / f"{number}.png")
    expected = batches(config(tmp_path, "off"))
    settings = config(tmp_path, kind)
    dataset, reads = training(settings), count_reads(monkeypatch)
    assert same(batches(settings, dataset=dataset), expected) and same(batches(settings, dataset=dataset), expected)
    assert len(reads) == COUNT


@pytest.mark.parametrize("kind", CACHES)
@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_loading_processes_share_nothing_but_files(root: Path, kind: str, start: str) -> None:
    expected = batches(config(root, "off"))
    settings = config(root, kind, workers=2)
    loader = training_loader(training(settings), settings, 0, COUNT, 2)
    loader.start_method = start
    assert same(list(loader), expected)


@pytest.mark.parametrize("kind", CACHES)
def test_a_changed_file_is_noticed(root: Path, kind: str) -> None:
    settings, changed = config(root, kind, flip=False, preprocess="none"), root / "trainA" / "002.png"
    dataset = training(settings)
    batches(settings, dataset=dataset)
    before = changed.stat()
    Image.fromarray(draw(77, 40)).save(changed)
    changed.write_bytes(changed.read_bytes().ljust(before.st_size, b"\0"))
    os.utime(changed, ns=(before.st_atime_ns, before.st_mtime_ns))  # as a copy that keeps the times
    assert same(batches(settings, dataset=dataset), batches(config(root, "off", flip=False, preprocess="none")))


@pytest.mark.parametrize("kind", CACHES)
def test_a_file_that_may_change_again_within_a_tick_is_not_kept(root: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resized, "_SETTLED", 1000)
    settings, reads = config(root, kind), count_reads(monkeypatch)
    batches(settings)
    assert len(reads) == 4 * COUNT


def test_settings_have_entries_of_their_own(root: Path, cache: Path) -> None:
    variants = [{}, *({"preprocess": "none"}, {"load_size": 24}, {"domain_a": {"labels": "yes"}}, {"domain_b": {"channels": 1}})]
    for number, variant in enumerate(variants, start=1):
        assert same(batches(config(root, "disk", **variant)), batches(config(root, "off", **variant)))
        assert len(files(cache)) > (number - 1) * COUNT
    kept = files(cache)
    batches(config(root, "disk", crop_size=12, flip=False))
    assert files(cache) == kept, "what comes after the resize does not matter"


@pytest.mark.parametrize("harm", ["empty", "short", "long", "bit", "foreign", "other", "folder"])
def test_torn_and_foreign_files_are_ignored_and_written_anew(root: Path, cache: Path, harm: str) -> None:
    expected, settings = batches(config(root, "off")), config(root, "disk")
    batches(settings)
    whole = {path: path.read_bytes() for path in files(cache)}
    others = dict(zip(whole, [*list(whole.values())[1:], next(iter(whole.values()))], strict=True))
    for path, data in whole.items():
        bit = bytearray(data)
        bit[-9] ^= 4
        harmed = {"empty": b"", "short": data[:-1], "long": data + b"\0", "bit": bytes(bit), "foreign": b"\x80\x04." * 900}
        harmed["other"] = others[path]
        path.unlink()
        if harm == "folder":
            path.mkdir()
        else:
            path.write_bytes(harmed[harm])
    assert same(batches(settings), expected)
    if harm != "folder":  # which the user must remove
        assert {path: path.read_bytes() for path in files(cache)} == whole


def test_every_byte_of_the_beginning_is_checked(root: Path, cache: Path) -> None:
    """A claim of gigabytes in a small file costs no memory: sizes are compared with the length."""
    settings = config(root, "disk")
    dataset = training(settings)
    expected = dataset[0, 0]
    for path in files(cache):
        data = path.read_bytes()
        for place in range(image_cache._BEGINNING):
            path.write_bytes(data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :])
            assert torch.equal(training(settings)[0, 0].images["a"], expected.images["a"])


def test_a_full_cache_keeps_what_it_has_and_is_told_once(root: Path, cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    for kind, room in (("memory", 4), ("disk", 4)):
        caplog.clear()
        size = room * (20 * 20 * 3 + image_cache._BEGINNING) / 2**30
        settings = config(root, kind, cache_gb=size)
        assert same(batches(settings), batches(config(root, "off")))
        (told,) = [record.message for record in caplog.records]
        assert "raise" in told and "data.cache" in told and "\n" not in told
    assert len(files(cache)) == 4
    batches(config(root, "disk"))
    assert len(files(cache)) == 2 * COUNT


def test_processes_share_the_bound_of_the_memory(root: Path) -> None:
    limits = [image_cache.make_cache(config(root, "memory", cache_gb=1.0, workers=workers)) for workers in (0, 1, 4)]
    assert [each.limit for each in limits if isinstance(each, image_cache.MemoryCache)] == [2**30, 2**30, 2**28]


def test_a_cache_leaves_free_memory(root: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    free = iter([2**40] * 3)
    monkeypatch.setattr(image_cache, "free_memory", lambda: next(free, 2**29))
    settings = config(root, "memory")
    dataset = training(settings)
    assert same(batches(settings, dataset=dataset), batches(config(root, "off")))
    (told,) = [record.message for record in caplog.records]
    assert "memory is free" in told and "data.cache=disk" in told
    assert isinstance(dataset.images.cache, image_cache.MemoryCache) and len(dataset.images.cache._entries) == 3


def test_a_folder_that_cannot_be_written_costs_a_warning(root: Path, cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    cache.parent.mkdir()
    cache.write_text("no folder")
    assert same(batches(config(root, "disk")), batches(config(root, "off")))
    assert len(caplog.records) == 1 and str(cache) in caplog.text and "set GAN_STYLE_CACHE" in caplog.text


def test_no_place_for_a_cache_is_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_cache, "index_folder", lambda: None)
    with pytest.raises(UserError, match=r"^data\.cache: there is no home folder.*GAN_STYLE_CACHE"):
        training(config(root, "disk"))


def test_a_full_disk_costs_a_warning(root: Path, cache: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(image_cache, "_write", full)
    assert same(batches(config(root, "disk")), batches(config(root, "off")))
    assert len(caplog.records) == 1 and "free the disk" in caplog.text


def test_what_killed_writers_left_is_removed_in_time(root: Path, cache: Path) -> None:
    (cache / "ab").mkdir(parents=True)
    old, young = cache / "ab" / "old.tmp", cache / "ab" / "young.tmp"
    for path in (old, young):
        path.write_bytes(b"x")
    os.utime(old, (time.time() - 7200, time.time() - 7200))
    batches(config(root, "disk"))
    assert young.exists() and not old.exists()


def test_a_dry_run_and_no_cache_keep_nothing(root: Path, cache: Path) -> None:
    batches(config(root, "off"))
    with looking_only():
        batches(config(root, "disk"))
    assert not cache.exists()


@pytest.mark.parametrize("kind", CACHES)
def test_pairs_of_different_sizes_are_refused_from_the_cache_too(root: Path, kind: str) -> None:
    settings = config(root, kind)
    dataset = training(settings, "domains")
    for _ in batches(settings, dataset=dataset):
        pass
    Image.fromarray(draw(3, 50)).save(root / "trainB" / "001.png")
    for _ in range(2):
        with pytest.raises(UserError, match=r"001\.png: is 40 x 40, its partner .*001\.png is 50 x 50"):
            batches(settings)
    assert batches(settings, "domains")
    with pytest.raises(UserError, match=r"001\.png: is 40 x 40, its partner"):
        batches(settings)


def test_processes_that_write_one_entry_leave_it_whole(cache: Path) -> None:
    """Each reads what one of them has written, or nothing."""
    key, stamp, places = b"k" * 16, b"s" * 16, multiprocessing.get_context("fork")
    readings = places.Queue()
    processes = [places.Process(target=write_and_read, args=(cache, key, stamp, value, readings)) for value in (1, 2, 3)]
    for process in processes:
        process.start()
    seen = [readings.get(timeout=60) for _ in processes]
    for process in processes:
        process.join()
    assert all(found and found <= {1, 2, 3} for found in seen)
    assert len(files(cache)) == 1


def write_and_read(cache: Path, key: bytes, stamp: bytes, value: int, readings: Any) -> None:
    kept = image_cache.DiskCache(cache, 2**30)
    found = set[int]()
    for _ in range(100):
        kept.put(key, stamp, Loaded(np.full((30, 30, 3), value, np.uint8), False, "x"))
        if (loaded := kept.get(key, stamp, "x")) is not None:
            found |= set(loaded.pixels.ravel().tolist())
    readings.put(found)
