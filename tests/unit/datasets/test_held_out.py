"""Training images that are kept for validation, where a data set has none."""

from pathlib import Path

import pytest
from pictures import draw_classes, draw_folders

from gan_style.config.schema import DataConfig
from gan_style.datasets.dataset import TrainingSet, ValidationSet, open_dataset
from gan_style.errors import UserError
from gan_style.types import Needs


def both(root: Path, count: int, needs: Needs, **keys: str) -> tuple[TrainingSet, ValidationSet]:
    config = DataConfig.model_validate({"root": str(root), "hold_out": count, "load_size": 16, "crop_size": 16, **keys})
    validation = open_dataset(config, "val", needs, 0)
    assert validation is not None
    return open_dataset(config, "train", needs, 0), validation


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    return draw_folders(tmp_path / "pairs", train=10, val=0)


def test_held_out_pairs_stay_pairs_and_are_not_trained_on(pairs: Path) -> None:
    training, validation = both(pairs, 3, "pairs")
    assert (len(training.source.a), len(validation.source.a), validation.paired) == (7, 3, True)
    assert {*training.source.a}.isdisjoint(validation.source.a)
    assert [key[-7:] for key in validation.source.a] == [key[-7:] for key in validation.source.b]
    assert training[0, 0].images.keys() == {"a", "b"} and validation.read_a(2)[1] == validation.source.a[2]
    assert validation.describe() == "3 pairs (folders), held out of the training images"
    assert training.describe() == "7 pairs (folders)"


def test_a_new_image_leaves_the_others_where_they_are(pairs: Path) -> None:
    before = {*both(pairs, 3, "pairs")[1].source.a}
    for domain in "AB":
        (pairs / f"train{domain}/000.png").rename(pairs / f"train{domain}/new.png")
    assert len(before - {*both(pairs, 3, "pairs")[1].source.a}) <= 1


def test_equal_names_of_two_unpaired_domains_are_held_out_together(pairs: Path) -> None:
    (pairs / "trainB/009.png").unlink()
    _, validation = both(pairs, 3, "domains")
    stems = [{Path(key).stem for key in keys} for keys in (validation.source.a, validation.source.b)]
    assert len(stems[0] & stems[1]) >= 2 and validation.len_b == 3


def test_images_of_one_domain_stay_one_list(pairs: Path) -> None:
    training, validation = both(pairs / "trainA", 4, "images")
    assert training.source.b is training.source.a and validation.source.b is validation.source.a
    assert (len(training), validation.len_a) == (6, 4)


def test_each_class_gives_as_many(tmp_path: Path) -> None:
    data = draw_classes(tmp_path, train=4, val=0)
    training, validation = both(data, 6, "labelled images")
    assert [validation.label(place) for place in range(6)] == ["blue", "blue", "green", "green", "red", "red"]
    assert training.names == ("blue", "green", "red") and len(training) == 6


def test_a_small_class_keeps_half_of_its_images(tmp_path: Path) -> None:
    data = draw_classes(tmp_path, train=4, val=0)
    for number in range(1, 4):
        (data / f"train/green/{number}.png").unlink()
    _, validation = both(data, 4, "labelled images")
    assert [validation.label(place) for place in range(validation.len_a)] == ["blue", "red"]


@pytest.mark.parametrize(("count", "words"), [(6, "6 of the 10 images of domain A"), (5, "")])
def test_more_than_half_are_not_held_out(count: int, words: str, pairs: Path) -> None:
    if not words:
        assert both(pairs, count, "pairs")[1].len_a == count
        return
    with pytest.raises(UserError, match=words):
        both(pairs, count, "pairs")


def test_a_set_with_validation_images_holds_none_out(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data.hold_out: .* has validation images \(2 pairs \(folders\)\); leave hold_out out"):
        both(draw_folders(tmp_path), 2, "pairs")
