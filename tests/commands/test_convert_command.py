"""`gan-style convert` as a user runs it: what it tells, what it writes, and the one line of each mistake."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from foreign_files import patchgan, resnet, same, saved, unet
from full_disk import files_of_at_most
from PIL import Image
from reference_networks import Norms, their_resnet, their_unet
from safetensors.torch import load_file, save_file
from tiny_bundles import tiny_bundle
from torch import Tensor, nn

import gan_style
from gan_style.__main__ import run
from gan_style.bundles.file import load_bundle, save_bundle


@pytest.fixture(autouse=True)
def _elsewhere(elsewhere: None) -> None:
    pass


@pytest.fixture
def convert() -> Callable[..., int]:
    def convert(source: str, target: str, *more: str) -> int:
        return run(["convert", "--from", source, "--to", target, *more])

    return convert


def refused(code: int, capsys: pytest.CaptureFixture[str]) -> str:
    """The one line of a mistake."""
    written = capsys.readouterr()
    assert (code, written.out) == (2, "") and written.err.startswith("error: ") and written.err.count("\n") == 1
    return written.err


def pictures_of(network: nn.Module, picture: np.ndarray) -> Tensor:
    with torch.no_grad():
        return network(torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 127.5 - 1)[0].permute(1, 2, 0)


def test_the_settings_are_told_and_the_bundle_translates(convert: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    state = resnet()
    saved(Path("latest_net_G_A.pth"), state)
    assert convert("latest_net_G_A.pth", "horse2zebra.safetensors") == 0
    told = capsys.readouterr().out.splitlines()
    assert told[:6] == [
        "kind            cyclegan (pytorch-CycleGAN-and-pix2pix)",
        "network         resnet (generator)",
        "base_channels   4",
        "num_blocks      6",
        "norm            instance (its layers have no scales, and convolutions have biases)",
        "dropout         false",
    ]
    assert told[-1] == "latest_net_G_A.pth -> horse2zebra.safetensors"
    picture = np.random.default_rng(0).integers(0, 256, (36, 40, 3), np.uint8)
    Image.fromarray(picture).save("photo.png")
    assert run(["infer", "--model", "horse2zebra.safetensors", "--input", "photo.png", "--output", "out"]) == 0
    theirs = their_resnet(Norms("instance"), num_blocks=6)
    theirs.load_state_dict(state)
    expected = (pictures_of(theirs, picture).numpy() + 1) * 127.5
    assert np.abs(np.asarray(Image.open("out/photo.png"), np.float32) - expected).max() <= 0.51


@pytest.mark.parametrize("statistics", ["image", "running"])
def test_batch_normalisation_uses_the_statistics_that_were_chosen(convert: Callable[..., int], statistics: str) -> None:
    state = unet(num_downs=5)
    saved(Path("net.pth"), state)
    assert convert("net.pth", "bundle.safetensors", "--set", f"statistics={statistics}", "--method", "pix2pix") == 0
    theirs = their_unet(Norms("batch"), num_downs=5).train(statistics == "image")
    theirs.load_state_dict(state)
    picture = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    values = picture.astype(np.float32) / 127.5 - 1
    ours = gan_style.load("bundle.safetensors")(values, value_range=(-1, 1))
    np.testing.assert_allclose(ours, pictures_of(theirs, picture).numpy(), atol=1e-5)


ROUND_TRIPS = {
    "resnet": lambda: resnet(),
    "dropout": lambda: resnet(dropout=True, norm="batch"),
    "cut": lambda: resnet(antialias=True),
    "no-norm": lambda: resnet(norm="none"),
    "unet-128": lambda: unet(num_downs=7),
    "unet-256": lambda: unet("instance", num_downs=8),
    "basic": lambda: patchgan("batch"),
    "n_layers": lambda: patchgan(num_layers=2, antialias=True),
    "half": lambda: {name: value.half() if value.is_floating_point() else value for name, value in unet(num_downs=5).items()},
}


@pytest.mark.parametrize("form", ["pth", "first-format", "safetensors"])
@pytest.mark.parametrize("name", list(ROUND_TRIPS))
def test_what_goes_in_comes_out_byte_for_byte(convert: Callable[..., int], name: str, form: str) -> None:
    state = ROUND_TRIPS[name]()
    suffix = "safetensors" if form == "safetensors" else "pth"
    if form == "safetensors":
        save_file(state, "in.safetensors")
    else:
        saved(Path("in.pth"), state, old=form == "first-format")
    assert convert(f"in.{suffix}", "ours.safetensors") == 0
    assert convert("ours.safetensors", f"out.{suffix}", *(["--set", "dtype=float16"] if name == "half" else [])) == 0
    back = load_file("out.safetensors") if form == "safetensors" else torch.load("out.pth", weights_only=True)
    assert same(back, state)


def test_a_run_folder_goes_out_by_direction(convert: Callable[..., int], tmp_path: Path) -> None:
    for seed, direction in enumerate(("a2b", "b2a")):
        folder = tmp_path / "run" / "bundles"
        folder.mkdir(parents=True, exist_ok=True)
        tiny_bundle(folder / f"{direction}.safetensors", method="cyclegan", direction=direction, seed=seed)
    assert convert("run", "latest_net_G_B.pth", "--direction", "b2a", "--kind", "cyclegan") == 0
    state = torch.load("latest_net_G_B.pth", weights_only=True)
    assert torch.equal(state["model.1.weight"], load_bundle(tmp_path / "run/bundles/b2a.safetensors")[1]["stem.conv.weight"])


def test_a_direction_and_a_method_come_in(convert: Callable[..., int]) -> None:
    saved(Path("net.pth"), resnet())
    assert convert("net.pth", "b.safetensors", "--direction", "b2a", "--method", "pix2pix", "--size", "128") == 0
    info, _ = load_bundle(Path("b.safetensors"))
    assert (info.method, info.direction, info.resize.load_size, info.translator["direction"]) == ("pix2pix", "b2a", 128, "b2a")


class TestMistakes:
    def test_the_paths(self, convert: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
        assert "--from nothing.pth: no such file" in refused(convert("nothing.pth", "b.safetensors"), capsys)
        saved(Path("net.pth"), resnet())
        assert "--to b.onnx: a bundle is a .safetensors" in refused(convert("net.pth", "b.onnx"), capsys)
        assert "which become a bundle; end --to in .safetensors" in refused(convert("net.pth", "b.pth"), capsys)
        Path("b.safetensors").write_text("precious")
        assert "--to b.safetensors: exists; choose another name" in refused(convert("net.pth", "b.safetensors"), capsys)
        assert Path("b.safetensors").read_text() == "precious"
        assert convert("net.pth", "b.safetensors", "--overwrite") == 0
        capsys.readouterr()
        Path("empty").mkdir()
        assert "a folder without bundles" in refused(convert("empty", "b.pth"), capsys)

    def test_the_options(self, convert: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
        saved(Path("net.pth"), resnet())
        cases = {
            ("--kind", "cyclgan"): "--kind cyclgan: is none of auto, .* did you mean 'cyclegan'",
            ("--kind", "fast_neural_style"): r"net\.pth: layer 'conv1.conv2d' is not among the weights",
            ("--method", "cutt"): "--method cutt: is no method, did you mean 'cut'",
            ("--kind", "adain"): r"net\.pth: no decoder of pytorch-AdaIN",
            ("--kind", "spade"): r"net\.pth: layer 'conv_img' is not among the weights",
            ("--method", "adain"): "--method adain: has no generator resnet that takes an image alone; take pix2pix or",
            ("--method", "stargan"): "--method stargan: has no generator resnet that takes an image alone; take .* or dclgan$",
            ("--method", "cut", "--set", "dropout=true"): "--set dropout=true: the weights show false",
            ("--method", "cut", "--direction", "sideways"): "--direction",
            ("--set", "dropout"): "--set dropout: is no key=value",
            ("--set", "a=1", "--set", "a=2"): "--set a: given twice",
            ("--set", "num_blocks=9"): "--set num_blocks=9: the weights show 6; leave it out",
            ("--size", "0"): "--size",
        }
        for options, message in cases.items():
            line = refused(convert("net.pth", "b.safetensors", *options), capsys)
            assert re.search(message, line.rstrip()), line
        assert not Path("b.safetensors").exists()

    def test_what_theirs_cannot_hold(self, convert: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
        cases = {
            "upsampling resize-convolution": {"name": "resnet", "base_channels": 2, "num_blocks": 1, "upsampling": "resize-convolution"},
            "spectral_norm": {"name": "resnet", "base_channels": 2, "num_blocks": 1, "spectral_norm": True},
            "norm none": {"name": "resnet", "base_channels": 2, "num_blocks": 1, "norm": "none"},
        }
        for setting, generator in cases.items():
            path = tiny_bundle(Path("ours.safetensors"), generator)
            if setting == "norm none":
                info, weights = load_bundle(path)
                save_bundle(path, info, weights | {"stem.conv.bias": torch.ones(2)})
            assert f"ours.safetensors: {setting}" in refused(convert("ours.safetensors", "out.pth"), capsys)
        assert not Path("out.pth").exists()

    def test_options_that_would_do_nothing(self, convert: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
        tiny_bundle(Path("ours.safetensors"))
        assert "--size: has no effect" in refused(convert("ours.safetensors", "out.pth", "--size", "64"), capsys)
        assert "--kind cut: ours.safetensors holds a network resnet, which is of cyclegan" in refused(
            convert("ours.safetensors", "out.pth", "--kind", "cut"), capsys
        )
        saved(Path("d.pth"), patchgan())
        assert "--size: has no effect without a generator" in refused(convert("d.pth", "d.safetensors", "--size", "64"), capsys)

    def test_weights_that_are_not_finite(self, convert: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
        state = resnet()
        state["model.1.weight"][0, 0, 0, 0] = torch.nan
        saved(Path("net.pth"), state)
        assert "stem.conv.weight not finite" in refused(convert("net.pth", "b.safetensors"), capsys)


@pytest.mark.parametrize("target", ["out.pth", "out.safetensors"])
def test_a_full_disk_is_one_line_and_leaves_nothing(convert: Callable[..., int], target: str, capsys: pytest.CaptureFixture[str]) -> None:
    tiny_bundle(Path("a2b.safetensors"))
    with files_of_at_most(2000):
        code = convert("a2b.safetensors", target)
    assert f"--to {target}: cannot be written (" in (said := refused(code, capsys)) and "File too large" in said
    assert [path.name for path in Path().iterdir()] == ["a2b.safetensors"]


@pytest.mark.parametrize("target", ["run/bundles/a2b.safetensors", "link.safetensors"])
@pytest.mark.parametrize("source", ["run", "run/bundles/a2b.safetensors"])
def test_the_source_is_never_replaced(convert: Callable[..., int], source: str, target: str, capsys: pytest.CaptureFixture[str]) -> None:
    content = tiny_bundle(Path("run/bundles/a2b.safetensors").absolute()).read_bytes()
    Path("link.safetensors").symlink_to("run/bundles/a2b.safetensors")
    said = refused(convert(source, target, "--overwrite"), capsys)
    assert f"--to {target}: is the file of --from, which would be lost; choose another name" in said
    assert Path("run/bundles/a2b.safetensors").read_bytes() == content


def test_a_direction_that_a_bundle_does_not_translate_is_refused(convert: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    tiny_bundle(Path("a2b.safetensors"))
    said = refused(convert("a2b.safetensors", "out.pth", "--direction", "b2a"), capsys)
    assert said == "error: --direction b2a: a2b.safetensors translates a2b; leave it out\n"
    assert convert("a2b.safetensors", "out.pth", "--direction", "a2b") == 0


@pytest.mark.parametrize("name", ["", "a:0.5", "a,b", "a\nb", "\udcff"])
def test_a_style_has_a_name_that_infer_can_be_told(convert: Callable[..., int], name: str, capsys: pytest.CaptureFixture[str]) -> None:
    tiny_bundle(Path("a2b.safetensors"), {"name": "transformer_net", "values": "bytes"}, "fast_style", keys={"styles": {"a": "x"}})
    assert convert("a2b.safetensors", "theirs.pth") == 0
    capsys.readouterr()
    said = refused(convert("theirs.pth", "back.safetensors", "--set", f"style={name}"), capsys)
    assert "the name of a style is printable, without : and ," in said and not Path("back.safetensors").exists()
