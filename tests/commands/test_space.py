"""The page of a Space: its files are whole, its functions translate as gan_style.load does. A stand-in takes the place of gradio."""

import ast
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image
from tiny_bundles import pixels, tiny_bundle

import gan_style
from gan_style.bundles.file import load_bundle
from gan_style.bundles.hub_mistakes import client
from gan_style.commands.push import app
from gan_style.commands.push.space import space_files
from gan_style.report.card import condition_of, model_card
from gan_style.report.past import Past

STYLES, DOMAINS = {"styles": {"waves": "", "mosaic": ""}}, {"domain_names": ["day", "night"]}
KINDS: dict[str, dict[str, Any]] = {
    "alone": {"method": "cyclegan"},
    "mix": {"generator": {"base_channels": 2, "num_blocks": 0}, "method": "fast_style", "keys": STYLES},
    "picture": {"generator": {"base_channels": 1, "depth": "relu2_1"}, "method": "adain", "style": True},
    "noise": {"generator": {"name": "mlp", "base_channels": 1}, "method": "gan", "keys": {"size": 8, "latent": 2}},
    "label": {
        "generator": {"name": "resnet", "base_channels": 2, "num_blocks": 0},
        "method": "stargan",
        "keys": DOMAINS,
    },
}
STAND_IN = """
import gan_style
import PIL.Image

Image = Dropdown = ImageSlider = Number = Gallery = lambda *given, **named: None

class Interface:
    def __init__(self, translate, inputs, result, **named):
        self.translate = translate
    def launch(self, **named):
        self.translate(PIL.Image.new("RGB", (20, 12), "red"), "a2b")[1].save("translated.png")
        print(gan_style.__file__)
"""


@pytest.fixture
def gradio(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What a page was made of, in a list: (function, inputs, result)."""
    made: list[Any] = []
    module = ModuleType("gradio")
    for name in ("Image", "Dropdown", "ImageSlider", "Number", "Gallery"):
        setattr(module, name, lambda *given, name=name, **named: SimpleNamespace(kind=name, given=given, **named))
    module.Interface = lambda *parts, **named: made.append(parts) or SimpleNamespace(**named)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "gradio", module)
    return made


@pytest.fixture
def model(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> gan_style.TrainedTranslator:
    """The translator of the kind that the test is about; the page runs the same bundle."""
    path = tiny_bundle(tmp_path / "a2b.safetensors", **KINDS[request.param])
    monkeypatch.setattr(app, "MODEL", str(path))
    app.translator.cache_clear()
    return gan_style.load(path)


@pytest.mark.parametrize(("model", "kind"), [(kind, kind) for kind in KINDS], indirect=["model"])
def test_the_page_asks_for_what_the_translator_takes_and_gives_its_result(
    model: gan_style.TrainedTranslator, kind: str, gradio: list[Any]
) -> None:
    app.page()
    [(function, inputs, result)] = gradio
    if kind == "noise":
        assert [np.asarray(each).tolist() for each in function(3.0)] == [np.asarray(each).tolist() for each in model.samples(8, seed=3)]
        return
    picture, style = Image.fromarray(pixels(20, 28)), Image.fromarray(pixels(24, 24, seed=1))
    choice = {"mix": "mosaic", "label": "night", "picture": style}.get(kind)
    further = {"mix": "Dropdown", "label": "Dropdown", "picture": "Image"}.get(kind)
    assert [each.kind for each in inputs] == ["Image", "Dropdown", *([further] if further else [])] and result.kind == "ImageSlider"
    before, after = function(picture, "a2b", *([choice] if further else []))
    named: dict[str, Any] = {"mix": {"style": choice}, "label": {"to": choice}, "picture": {"style": choice}}.get(kind, {})
    assert (np.asarray(before) == np.asarray(picture)).all()
    assert (np.asarray(after) == np.asarray(model(picture, **named).convert("RGB"))).all()
    assert function(None, "a2b") is None


@pytest.mark.parametrize("model", ["alone"], indirect=True)
@pytest.mark.parametrize("directions", [("a2b",), ("a2b", "b2a")])
def test_the_page_has_its_repositorys_name_and_no_choice_of_one_direction(
    model: gan_style.TrainedTranslator, directions: tuple[str, ...], gradio: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "translator", lambda _: model)
    monkeypatch.setattr(app, "DIRECTIONS", directions)
    monkeypatch.setattr(app, "MODEL", f"hf://me/horses@{'0' * 40}")
    assert app.page().title == "me/horses"
    [(_, inputs, _)] = gradio
    assert inputs[1].visible == (len(directions) > 1)


@pytest.mark.parametrize("model", ["alone"], indirect=True)
@pytest.mark.usefixtures("model")
def test_a_large_picture_is_scaled_down_and_alpha_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "LONGEST_SIDE", 32)
    shown = app.translate(Image.new("RGBA", (100, 50)), "a2b")
    assert shown and [each.size for each in shown] == [(32, 16)] * 2 and [each.mode for each in shown] == ["RGB"] * 2


def test_a_space_runs_by_its_own_files(tmp_path: Path) -> None:
    """In a fresh process, with the package that is pushed and no other."""
    bundle, space = tiny_bundle(tmp_path / "a2b.safetensors"), tmp_path / "space"
    for name, content in space_files("me/horses", str(bundle), ["a2b"], "mit").items():
        (space / name).parent.mkdir(parents=True, exist_ok=True)
        (space / name).write_bytes(content if isinstance(content, bytes) else content.read_bytes())
    (tmp_path / "gradio").mkdir()
    (tmp_path / "gradio/__init__.py").write_text(STAND_IN)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "app.py"], cwd=space, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == str(space / "gan_style/__init__.py")
    translated = gan_style.load(bundle)(Image.new("RGB", (20, 12), "red"))
    assert (np.asarray(Image.open(space / "translated.png")) == np.asarray(translated)).all()


def test_the_files_of_a_space() -> None:
    files = space_files("me/horses", "hf://me/horses@v'1", ["a2b", "b2a"], "mit")
    names = {name: content.decode() for name, content in files.items() if isinstance(content, bytes)}
    _, header, _ = names["README.md"].split("---\n", 2)
    card = yaml.safe_load(header)
    assert {"sdk": "gradio", "app_file": "app.py", "models": ["me/horses"], "license": "mit"}.items() <= card.items()
    tree = ast.parse(names["app.py"])
    constants = {node.targets[0].id: ast.literal_eval(node.value) for node in tree.body if isinstance(node, ast.Assign)}  # type: ignore[attr-defined]
    assert constants["MODEL"] == "hf://me/horses@v'1" and constants["DIRECTIONS"] == ("a2b", "b2a")
    needed = names["requirements.txt"].splitlines()
    assert any(line.startswith("torch>=") for line in needed) and any(line.startswith("huggingface_hub") for line in needed)
    assert not any("extra" in line for line in needed)
    assert "gan_style/py.typed" in files and not any("__pycache__" in name for name in files)


@pytest.mark.parametrize("kind", KINDS)
def test_the_card_of_each_kind_shows_calls_that_work(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example in Python is run as it stands, with the bundle in the place of its reference."""
    path = tiny_bundle(tmp_path / "run/bundles/a2b.safetensors", **KINDS[kind])
    info = load_bundle(path)[0]
    card = model_card(Past(tmp_path / "run"), "me/horses", {"bundles/a2b.safetensors": info}, None, None)
    assert "No licence is given" in card and "arxiv.org/abs/" in card
    assert ("unconditional-image-generation" in card) == (kind == "noise")
    assert condition_of(info).kind == kind
    [example] = card.split("```python\n")[1:]
    monkeypatch.chdir(tmp_path)
    for name in ("photo.png", "style.jpg"):
        Image.fromarray(pixels(32, 32)).save(name)
    code = example.split("```")[0].replace("hf://me/horses", str(path))
    exec(compile(code, "README.md", "exec"), {})
    assert (tmp_path / ("drawn.png" if kind == "noise" else "translated.png")).is_file()


def test_huggingface_hub_is_told_who_asks() -> None:
    assert client("x").library_name == "gan_style"
