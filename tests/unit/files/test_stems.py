"""What belongs together has one stem, however its name is written."""

import unicodedata
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

from gan_style.commands.evaluate.folders import by_stem, check_pairs
from gan_style.commands.evaluate.task import Pairs
from gan_style.datasets import compare, convert
from gan_style.datasets.check import check
from gan_style.datasets.sources import find
from gan_style.errors import UserError
from gan_style.evaluation.task.training import label_data
from gan_style.files import images
from gan_style.files.stems import stem

NFC, NFD = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))


def draw(path: Path, value: int = 9) -> None:
    images.write(path, np.full((8, 8, 3), value, np.uint8))


def test_stems() -> None:
    assert stem("a/b.c.png") == "a/b.c" and stem("a.b/") == "a.b/"
    assert NFC != NFD and stem(f"{NFD}/{NFD}.png") == stem(f"{NFC}/{NFC}.jpg") == f"{NFC}/{NFC}"
    assert stem("caf\udce9.png") == "caf\udce9", "a name that is no UTF-8 stays as it is"


@pytest.mark.parametrize(("a", "b"), [(NFC, NFD), (NFD, NFC)])
def test_pairs_are_found_in_both_forms(tmp_path: Path, a: str, b: str) -> None:
    for name in ("{}.png", "{}/1.png", "{0}/{0}.png", "cafz.png", "caf/1.png"):
        draw(tmp_path / "trainA" / name.format(a))
        draw(tmp_path / "trainB" / name.format(b))
    source = find(tmp_path, "folders", "train", paired=True)
    assert source is not None and len(source.a) == len(source.b) == 5
    stems = [stem(source.below("a", place)) for place in range(5)]
    assert stems == [stem(source.below("b", place)) for place in range(5)] == sorted(stems)
    assert all(source.path(key).exists() for key in (*source.a, *source.b)) and check(tmp_path, workers=1).problems == ()


def test_two_files_of_one_name_in_two_forms_are_a_problem(tmp_path: Path) -> None:
    for name in (NFC, NFD):
        draw(tmp_path / "trainA" / f"{name}.png")
    draw(tmp_path / "trainB" / f"{NFC}.png")
    with pytest.raises(UserError, match=r"the same name as .*\.png, written in another form of Unicode.*; keep one of them"):
        find(tmp_path, "folders", "train", paired=True)


def test_two_folders_of_one_name_in_two_forms_are_a_problem(tmp_path: Path) -> None:
    for name in (NFC, NFD):
        draw(tmp_path / "trainA" / name / "1.png")
    draw(tmp_path / "trainB" / NFC / "1.png")
    with pytest.raises(UserError, match=r"the same name as .*, written in another form of Unicode.*; put them together") as caught:
        find(tmp_path, "folders", "train", paired=True)
    assert "no file of this stem" not in str(caught.value)
    unpaired = find(tmp_path, "unpaired", "train", paired=False)
    assert unpaired is not None and len(unpaired.a) == 2, "without pairs nothing is ambiguous"


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
@pytest.mark.parametrize(("written", "stored"), [(NFC, NFD), (NFD, NFC)])
def test_a_manifest_may_be_written_in_another_form_than_the_disk(tmp_path: Path, suffix: str, written: str, stored: str) -> None:
    draw(tmp_path / stored / f"{stored}.png")
    path = f"{written}/{written}.png"
    row = f'{{"a": "{path}", "b": "{path}"}}\n' if suffix == ".jsonl" else f"a,b\n{path},{path}\n"
    (tmp_path / f"m{suffix}").write_text(row, encoding="utf-8")
    source = find(tmp_path / f"m{suffix}", "auto", "train", paired=True)
    assert source is not None and source.a == source.b == (f"{stored}/{stored}.png",)


def test_results_and_truths_and_columns_of_a_comparison(tmp_path: Path) -> None:
    draw(tmp_path / "results" / f"{NFC}.png")
    draw(tmp_path / "truth" / f"{NFD}.jpg")
    check_pairs(by_stem("--results", str(tmp_path / "results")), by_stem("--truth", str(tmp_path / "truth")), "--truth", both_ways=True)
    assert compare.comparison_sheet([tmp_path / "results", tmp_path / "truth"], tmp_path / "sheet.png", 3) == 1


def test_a_segmenter_finds_the_pair_of_a_result(tmp_path: Path) -> None:
    for domain in "AB":
        draw(tmp_path / f"val{domain}" / f"{NFD}.png")
        draw(tmp_path / f"train{domain}" / "1.png")
    resize = Namespace(model_dump=lambda: {"preprocess": "none", "load_size": 8, "crop_size": 8})
    pairs = Pairs(label_data(str(tmp_path), "a2b", resize), "a2b")  # type: ignore[arg-type]
    assert pairs.place(NFC) == pairs.place(f"valA/{NFD}.png") == 0


def test_both_forms_are_held_out_alike(tmp_path: Path) -> None:
    for folder, form in (("a", "NFC"), ("b", "NFD")):
        for number in range(9):
            draw(tmp_path / folder / f"{unicodedata.normalize(form, 'é')}{number}.png")
        convert.split_files(tmp_path / folder, tmp_path / "out", convert.Fraction(1, 3), folder.upper())
    source = find(tmp_path / "out", "folders", "val", paired=True)
    assert source is not None and len(source.a) == 3
