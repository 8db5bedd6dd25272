"""What is translated and compared, in which order, and how results are rounded."""

import threading
from pathlib import Path

import pytest
import torch
from pictures import draw_folders
from torch import Tensor

from gan_style import images
from gan_style.config.schema import DataConfig
from gan_style.datasets.dataset import ValidationSet
from gan_style.engine.cases import Cases, as_written, open_validation_set, read_ahead, spread, translations
from gan_style.errors import UserError
from gan_style.methods.base import Needs
from gan_style.metrics.suite import Networks, Suite


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_folders(tmp_path_factory.mktemp("data"), train=1, val=5)


def validation(root: Path, needs: Needs = "pairs") -> ValidationSet:
    return open_validation_set(DataConfig(root=str(root), load_size=16, crop_size=16), needs, None, "validation.metrics")


def plain(source: Tensor, other: Tensor | None, place: int) -> tuple[Tensor, ...]:
    return (source,)


def test_places_are_spread_evenly() -> None:
    assert spread(10, 4) == [0, 2, 5, 7]
    assert spread(3, None) == spread(3, 9) == [0, 1, 2]


def test_reading_ahead_keeps_the_order_and_passes_mistakes_on() -> None:
    others: set[int] = set()

    def read(place: int) -> int:
        others.add(threading.get_ident())
        if place == 7:
            raise UserError("broken")
        return place * place

    found = read_ahead(read, range(9))
    assert [next(found) for _ in range(7)] == [place * place for place in range(7)]
    with pytest.raises(UserError, match="broken"):
        next(found)
    assert threading.get_ident() not in others
    assert list(read_ahead(read, [])) == []


def test_results_are_what_a_file_would_give_back(tmp_path: Path) -> None:
    translated = torch.rand(3, 9, 7, generator=torch.Generator().manual_seed(0)) * 2.4 - 1.2
    images.write(tmp_path / "x.png", images.to_pixels(translated))
    assert torch.equal(as_written(translated), images.to_tensor(images.read(tmp_path / "x.png", 3).pixels))
    assert as_written(torch.tensor([[[0.0, float("nan")]]])).isnan().all()


def test_pairs_come_with_their_truth(root: Path) -> None:
    cases = Cases(validation(root), "a2b", plain, "truth", limit=3)
    question = cases.question(cases.places[1])
    assert question.truth is not None
    assert question.name.startswith("valA/")
    torch.testing.assert_close(question.truth, -question.source.roll(1, 0))  # as `draw_folders` makes B of A
    backwards = Cases(validation(root), "b2a", plain, "truth").question(1)
    assert torch.equal(backwards.source, question.truth) and backwards.truth is not None and torch.equal(backwards.truth, question.source)
    (place, case), *rest = translations(cases, cases.places, torch.nn.Identity(), torch.device("cpu"))
    assert (place, len(rest)) == (cases.places[0], 2)
    assert torch.equal(case.translated, cases.question(place).source)


def test_unpaired_images_have_none(root: Path) -> None:
    unpaired = validation(root, "domains")
    assert Cases(unpaired, "a2b", plain).question(0).truth is None
    seen: list[Tensor | None] = []

    def with_style(source: Tensor, other: Tensor | None, place: int) -> tuple[Tensor, ...]:
        seen.append(other)
        return (source,)

    assert Cases(unpaired, "a2b", with_style, "style").question(2).truth is None
    assert seen[0] is not None and torch.equal(seen[0], unpaired.read_b(2)[0])


def test_noise_is_compared_with_domain_a(root: Path) -> None:
    cases = Cases(validation(root, "images"), "a2b", lambda source, other, place: (torch.tensor(place),), from_noise=True)
    assert int(cases.question(3).inputs[0]) == 3
    assert cases.read_real(1)[1].startswith("valA/")


def test_pairs_are_found_for_a_method_that_needs_none_and_missed_where_there_are_none(root: Path, tmp_path: Path) -> None:
    data = DataConfig(root=str(root), load_size=16, crop_size=16)
    assert open_validation_set(data, "domains", ["l1"], "validation.metrics").paired
    assert not open_validation_set(data, "domains", ["fid"], "validation.metrics").paired
    unpaired = draw_folders(tmp_path / "unpaired", train=1, val=2)
    (unpaired / "valB/000.png").rename(unpaired / "valB/other.png")
    data = DataConfig(root=str(unpaired), load_size=16, crop_size=16)
    with pytest.raises(UserError, match=r"validation\.metrics: l1 need validation images in pairs \(.*000\.png: no file of this stem"):
        open_validation_set(data, "domains", ["l1"], "validation.metrics")
    none = draw_folders(tmp_path / "none", train=1, val=0)
    with pytest.raises(UserError, match="has no validation images to measure"):
        open_validation_set(DataConfig(root=str(none)), "pairs", None, "validation.metrics")


def test_an_image_that_is_too_large_for_the_device_is_said(root: Path) -> None:
    class Huge(torch.nn.Module):
        def forward(self, image: Tensor) -> Tensor:
            raise torch.OutOfMemoryError("CUDA out of memory")

    cases = Cases(validation(root), "a2b", plain)
    with pytest.raises(UserError, match=r"valA/000\.png: cpu has no memory to translate it whole"):
        next(translations(cases, cases.places, Huge(), torch.device("cpu")))


def test_one_image_is_too_few_for_a_set(root: Path) -> None:
    suite = Suite(("kid",), Networks("random", "random", "random"))
    with pytest.raises(UserError, match="two images of each domain are the least"):
        Cases(validation(root), "a2b", plain, limit=1).check(suite)
    Cases(validation(root), "a2b", plain, limit=2).check(suite)
