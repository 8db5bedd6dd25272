"""The loop: batches, bounds, failures, and the promise that training's sample grid shows the same picture."""

import errno
import os
import sys
import threading
from concurrent.futures import wait
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from tiny_bundles import GENERATORS, pixels, tiny_bundle
from torch import Tensor

from gan_style.bundles.file import Resize
from gan_style.config.schema import DataConfig
from gan_style.datasets.dataset import open_dataset
from gan_style.engine.samples import Example, SampleGrid
from gan_style.errors import UserError
from gan_style.files import images
from gan_style.machine.memory import OutOfMemory
from gan_style.methods import METHODS
from gan_style.methods.serving import serving_network
from gan_style.translation import pipeline as run
from gan_style.translation.inputs import Job, select
from gan_style.translation.picture import Original
from gan_style.translation.pipeline import Tally, Translation
from gan_style.translation.predictor import Predictor
from gan_style.types import to_floats


class Recorder:
    """A predictor that inverts, and notes the shapes it was given."""

    def __init__(self, predictor: Predictor, limit: int = 1000) -> None:
        self.info, self.device, self.tiling, self.limit = predictor.info, predictor.device, predictor.tiling, limit
        self.shapes: list[tuple[int, ...]] = []

    def translate(self, batch: Tensor) -> Tensor:
        if len(batch) > self.limit:
            raise OutOfMemory("too many")
        self.shapes.append(tuple(batch.shape))
        return -to_floats(batch)


@pytest.fixture
def recorder(tmp_path: Path) -> Any:
    return Recorder(Predictor.load(tiny_bundle(tmp_path / "a2b.safetensors"), "cpu"))


def draw(folder: Path, sizes: list[tuple[int, int]]) -> list[Job]:
    for index, (height, width) in enumerate(sizes):
        images.write(folder / "in" / f"{index:03d}.png", pixels(height, width, seed=index))
    return select([str(folder / "in")], folder / "out", "png").jobs


def test_an_interruption_while_a_result_is_written_still_counts_it(tmp_path: Path, recorder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = draw(tmp_path, [(8, 8)] * 6)
    interrupted = False

    def wait_once(futures: Any) -> Any:
        nonlocal interrupted
        if not interrupted:
            interrupted = True
            raise KeyboardInterrupt
        return wait(futures)

    monkeypatch.setattr(run, "wait", wait_once)
    translation = Translation(recorder)
    with pytest.raises(KeyboardInterrupt):
        translation.run(jobs)
    written = len(list((tmp_path / "out").iterdir()))
    assert 0 < written < 6 and translation.tally.translated == written


def test_pictures_of_8_and_16_bits_share_no_batch(tmp_path: Path, recorder: Any) -> None:
    for depth in (8, 16, 8, 16):
        name = f"{len(list((tmp_path / 'in').glob('*')))}.png"
        images.write(tmp_path / "in" / name, pixels(6, 7, depth=depth))
    jobs = select([str(tmp_path / "in")], tmp_path / "out", "png").jobs
    Translation(recorder, batch_size=4).run(jobs)
    for job in jobs:
        given = images.read(job.source, 3).pixels
        np.testing.assert_array_equal(images.read(job.target, 3).pixels, np.iinfo(given.dtype).max - given)
    assert recorder.shapes == [(2, 3, 6, 7)] * 2


def assert_all_inverted(jobs: list[Job]) -> None:
    for job in jobs:
        np.testing.assert_array_equal(images.read(job.target, 3).pixels, 255 - images.read(job.source, 3).pixels)


@pytest.mark.parametrize("generator", GENERATORS.values(), ids=GENERATORS)
@pytest.mark.parametrize("preprocess", ["resize_and_crop", "scale_width", "none"])
@pytest.mark.parametrize("palette", [False, True])
def test_it_equals_what_training_showed(tmp_path: Path, generator: dict, preprocess: Any, palette: bool) -> None:
    """--resize train --keep-resized writes, byte for byte, the translation in the sample grid of the same weights."""
    sizes: Any = {"preprocess": preprocess, "load_size": 44, "crop_size": 36}
    bundle = tiny_bundle(tmp_path / "a2b.safetensors", generator, resize=Resize(**sizes))
    path = tmp_path / "data" / "valA" / "a.png"
    for folder in ("trainA", "trainB", "valA", "valB"):
        images.write(tmp_path / "data" / folder / "a.png", pixels(51, 70, seed=3))
    if palette:
        Image.fromarray(pixels(51, 70, seed=3)).quantize(5).save(path)

    validation = open_dataset(DataConfig(root=str(tmp_path / "data"), **sizes), "val", "domains", 0)
    assert validation is not None and validation.len_a == 1
    source, _ = validation.read_a(0)
    height, width = source.shape[1:]
    assert (height, width) == {"resize_and_crop": (36, 36), "scale_width": (32, 44), "none": (51, 70)}[preprocess]
    config = METHODS["pix2pix"].Config.model_validate(Predictor.load(bundle, "cpu").info.translator)
    translators: Any = {"a2b": serving_network("pix2pix", config, 3, 3)}
    grid = SampleGrid(translators, [Example("a2b", [(source,)], (source,), None)], torch.device("cpu"), lambda output, truth: None)
    grid.draw(tmp_path / "grid.png", {"a2b": load_file(bundle)})
    shown = images.read(tmp_path / "grid.png", 3).pixels
    assert shown.shape == (height, 2 * width, 3)

    jobs = select([str(path)], tmp_path / "out", "png").jobs
    Translation(Predictor.load(bundle, "cpu"), "train", keep_resized=True).run(jobs)
    written = images.read(tmp_path / "out" / "a.png", 3).pixels
    np.testing.assert_array_equal(written, shown[:, width:])
    assert written.std() > 10, "a flat picture proves nothing"
    np.testing.assert_array_equal(images.to_pixels(source), shown[:, :width])


def test_batches_hold_pictures_of_one_size(tmp_path: Path, recorder: Recorder) -> None:
    jobs = draw(tmp_path, [(8, 8), (8, 12), (8, 8), (8, 12), (8, 8), (8, 8), (8, 8), (9, 9)])
    translation = Translation(recorder, batch_size=3)  # type: ignore[arg-type]
    translation.run(jobs)
    assert sorted(recorder.shapes) == [(1, 3, 9, 9), (2, 3, 8, 8), (2, 3, 8, 12), (3, 3, 8, 8)]
    assert translation.tally.translated == 8
    assert_all_inverted(jobs)


def test_batch_of_one_on_a_cpu(tmp_path: Path, recorder: Recorder) -> None:
    Translation(recorder).run(draw(tmp_path, [(8, 8)] * 3))  # type: ignore[arg-type]
    assert recorder.shapes == [(1, 3, 8, 8)] * 3


def test_memory_is_bounded(tmp_path: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    alive, most, lock = 0, 0, threading.Lock()
    read_source, write_result = run.read_source, run.write_result

    def reading(*arguments: Any) -> Original:
        nonlocal alive, most
        with lock:
            alive += 1
            most = max(most, alive)
        return read_source(*arguments)

    def writing(*arguments: Any) -> None:
        nonlocal alive
        write_result(*arguments)
        with lock:
            alive -= 1

    monkeypatch.setattr(run, "read_source", reading)
    monkeypatch.setattr(run, "write_result", writing)
    jobs = draw(tmp_path, [(8, 8 + index % 5) for index in range(40)])
    Translation(recorder, batch_size=4).run(jobs)  # type: ignore[arg-type]
    assert alive == 0
    assert 4 <= most <= 4 + 4 + 4 + 1, "pictures waiting, in hand, being written, being read"
    assert_all_inverted(jobs)


def test_bad_files_are_named_and_good_ones_done(tmp_path: Path, recorder: Recorder) -> None:
    jobs = draw(tmp_path, [(8, 8)] * 4)
    jobs[1].source.write_bytes(b"")
    jobs[3].source.write_text("not a picture\n")
    translation = Translation(recorder, batch_size=2)  # type: ignore[arg-type]
    translation.run(jobs)
    assert (translation.tally.translated, translation.tally.skipped, len(translation.tally.failures)) == (2, 0, 2)
    assert [str(job.source) in failure for job, failure in zip((jobs[1], jobs[3]), translation.tally.failures, strict=True)] == [True, True]
    assert not jobs[1].target.exists()
    assert_all_inverted([jobs[0], jobs[2]])


def test_existing_results_are_skipped(tmp_path: Path, recorder: Recorder) -> None:
    jobs = draw(tmp_path, [(8, 8)] * 3)
    jobs[1].target.parent.mkdir()
    jobs[1].target.write_text("mine")
    again = Translation(recorder)  # type: ignore[arg-type]
    again.run(jobs)
    assert again.tally == Tally(translated=2, skipped=1)
    assert jobs[1].target.read_text() == "mine"
    over = Translation(recorder, overwrite=True)  # type: ignore[arg-type]
    over.run(jobs)
    assert over.tally == Tally(translated=3)
    assert_all_inverted(jobs)


def test_a_batch_too_large_for_the_device_is_halved(tmp_path: Path, recorder: Recorder, capsys: pytest.CaptureFixture[str]) -> None:
    recorder.limit = 2
    jobs = draw(tmp_path, [(8, 8)] * 11)
    translation = Translation(recorder, batch_size=6)  # type: ignore[arg-type]
    translation.run(jobs)
    assert [shape[0] for shape in recorder.shapes] == [1] * 11  # 6 and 3 find no memory
    assert translation.tally.translated == 11
    assert_all_inverted(jobs)
    assert "going on with batches of" in capsys.readouterr().err

    recorder.limit = 0
    single = Translation(recorder, overwrite=True)  # type: ignore[arg-type]
    single.run(jobs[:2])
    assert all(failure.startswith(f"{job.source}: too many; ") for failure, job in zip(single.tally.failures, jobs[:2], strict=True))


def test_a_translation_that_is_not_finite_is_not_written_black(tmp_path: Path) -> None:
    predictor = Predictor.load(tiny_bundle(tmp_path / "a2b.safetensors"), "cpu")
    with torch.no_grad():
        next(predictor.network.parameters()).fill_(float("inf"))
    jobs = draw(tmp_path, [(8, 8)])
    translation = Translation(predictor)
    translation.run(jobs)
    assert "not finite" in translation.tally.failures[0] and str(jobs[0].source) in translation.tally.failures[0]
    assert not jobs[0].target.exists()


def test_a_full_disk_ends_the_run(tmp_path: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = draw(tmp_path, [(8, 8)] * 20)

    def write(path: Path, *_: object) -> None:
        raise UserError(f"{path}: cannot be written") from OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(images, "write_encoded", write)
    translation = Translation(recorder)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="cannot be written"):
        translation.run(jobs)
    assert len(recorder.shapes) < 6


def test_an_interruption_leaves_whole_files_and_a_right_count(tmp_path: Path, recorder: Recorder) -> None:
    jobs = draw(tmp_path, [(8, 8)] * 10)

    class Interrupting(Recorder):
        def translate(self, batch: Tensor) -> Tensor:
            if len(self.shapes) == 5:
                raise KeyboardInterrupt
            return super().translate(batch)

    translation = Translation(Interrupting(recorder))  # type: ignore[arg-type]
    with pytest.raises(KeyboardInterrupt):
        translation.run(jobs)
    written = [job for job in jobs if job.target.exists()]
    assert translation.tally.translated == len(written) == 5
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [job.target.name for job in written], "a temporary file was left"
    assert_all_inverted(written)


def test_a_fault_of_ours_is_not_hidden(tmp_path: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_source(*_: Any) -> Original:
        raise ZeroDivisionError

    monkeypatch.setattr(run, "read_source", read_source)
    with pytest.raises(ZeroDivisionError):
        Translation(recorder).run(draw(tmp_path, [(8, 8)]))  # type: ignore[arg-type]


def test_a_picture_that_padding_would_make_huge_is_named_and_the_rest_is_done(tmp_path: Path) -> None:
    generator = {**GENERATORS["unet-batch"], "base_channels": 1, "num_downs": 9}
    jobs = draw(tmp_path, [(1, 100_000), (8, 8)])
    translation = Translation(Predictor.load(tiny_bundle(tmp_path / "a2b.safetensors", generator), "cpu"))
    translation.run(jobs)
    assert translation.tally.translated == 1 and jobs[1].target.exists()
    assert len(translation.tally.failures) == 1
    assert translation.tally.failures[0].startswith(f"{jobs[0].source}: has 100000 x 1 pixels, which the network pads to 100352 x 512")


def test_large_results_grow_back_to_their_files_size(tmp_path: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = draw(tmp_path, [(20, 30)])
    monkeypatch.setattr(images, "MAX_RESIZED", 100)
    Translation(recorder, resize=5).run(jobs)  # type: ignore[arg-type]
    assert images.probe(jobs[0].target).width == 30


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other limits")
def test_a_result_whose_name_is_too_long_fails_alone(tmp_path: Path, recorder: Recorder) -> None:
    jobs = draw(tmp_path, [(8, 8)] * 2)
    long = Job(jobs[0].source, tmp_path / "out" / ("x" * 252 + ".tiff"))
    translation = Translation(recorder)  # type: ignore[arg-type]
    translation.run([long, jobs[1]])
    assert translation.tally.translated == 1
    assert len(translation.tally.failures) == 1 and "cannot be written (File name too long)" in translation.tally.failures[0]


def test_failures_are_lines_that_any_terminal_can_show(tmp_path: Path, recorder: Recorder) -> None:
    source = tmp_path / os.fsdecode(b"\x1b[2J\xff\n.png")
    source.touch()
    translation = Translation(recorder)  # type: ignore[arg-type]
    translation.run([Job(source, tmp_path / "out" / "x.png")])
    assert translation.tally.failures[0].isprintable() and r"/\x1b[2J\udcff .png: the file is empty" in translation.tally.failures[0]
