"""Every example of docs/guide/python.md runs, one after the other, in an empty folder beside a small data set."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from pictures import draw, draw_folders
from PIL import Image
from tiny import ROOT

import gan_style

GUIDE = (ROOT / "docs/guide/python.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", GUIDE, re.S)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The folder, and the names that the examples leave."""
    folder = tmp_path_factory.mktemp("guide")
    draw_folders(folder / "my_pairs", size=40)
    tifffile.imwrite(folder / "scene.tif", draw(0, 600), photometric="rgb", tile=(64, 64), resolution=(300, 300))
    names: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for example in EXAMPLES:
            exec(compile(example, "docs/guide/python.md", "exec"), names)
    return folder, names


def test_all_examples_run_and_do_what_the_text_says(done: Any, capsys: pytest.CaptureFixture[str]) -> None:
    folder, names = done
    assert len(EXAMPLES) == 7
    assert {path.name for path in (folder / "runs").iterdir()} == {"mine", "small"}
    run = gan_style.TrainedRun(folder / "runs/mine")
    assert run.finished and run.step == 4
    picture, translator = names["picture"], names["translator"]
    assert (np.asarray(Image.open(folder / "translated.png")) == np.asarray(translator(picture))).all()
    assert [each.size for each in translator([picture, picture.resize((50, 31))])] == [(40, 40), (50, 31)]
    with tifffile.TiffFile(folder / "negative.tif") as negative:
        assert (negative.asarray() == 255 - draw(0, 600)).all() and len(negative.series[0].levels) == 2
        assert negative.pages.first.tags["XResolution"].value == (300, 1) and not (folder / "scratch").exists()


def test_the_mistake_is_the_one_that_the_guide_shows(tmp_path: Path) -> None:
    (shown,) = re.findall(r"print\(mistake\) +# (.*)", GUIDE)
    with pytest.raises(gan_style.UserError) as mistake:
        gan_style.train("cyclegan", {"data.root": "my_pairs", "train.stepz": 4})
    assert str(mistake.value) == shown


def test_a_translator_gives_what_infer_writes(done: Any, tmp_path: Path) -> None:
    from gan_style.commands.infer import infer_command

    folder, _ = done
    translator = gan_style.load(folder / "runs/small")
    sources = sorted((folder / "my_pairs/valA").iterdir())
    infer_command(["--model", str(folder / "runs/small"), "--input", *map(str, sources), "--output", str(tmp_path), "--resize", "train"])
    for source in sources:
        ours = translator(Image.open(source), resize="train")
        assert (np.asarray(Image.open(tmp_path / source.name)) == np.asarray(ours)).all()
    assert isinstance(translator(torch.zeros(3, 20, 20), value_range=(0, 1)), torch.Tensor)
