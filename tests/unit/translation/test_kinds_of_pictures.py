"""gan_style.load: every kind of picture comes back as the same kind, and means the same to the translator."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_bundles import pixels, tiny_bundle

import gan_style
from gan_style.bundles.file import Resize
from gan_style.errors import UserError
from gan_style.machine.memory import OutOfMemory

HEIGHT, WIDTH = 18, 27


@pytest.fixture(scope="module")
def rgb(tmp_path_factory: pytest.TempPathFactory) -> gan_style.TrainedTranslator:
    return gan_style.load(tiny_bundle(tmp_path_factory.mktemp("rgb") / "a2b.safetensors"), device="cpu")


@pytest.fixture(scope="module")
def gray(tmp_path_factory: pytest.TempPathFactory) -> gan_style.TrainedTranslator:
    return gan_style.load(tiny_bundle(tmp_path_factory.mktemp("gray") / "a2b.safetensors", in_channels=1, out_channels=1), device="cpu")


@pytest.fixture(scope="module")
def colouring(tmp_path_factory: pytest.TempPathFactory) -> gan_style.TrainedTranslator:
    return gan_style.load(tiny_bundle(tmp_path_factory.mktemp("colouring") / "a2b.safetensors", in_channels=1), device="cpu")


PICTURE = pixels(HEIGHT, WIDTH)


def test_all_kinds_mean_the_same(rgb: gan_style.TrainedTranslator) -> None:
    result = rgb(PICTURE)
    assert result.dtype == np.uint8 and result.shape == PICTURE.shape and (result != PICTURE).any()
    assert (np.asarray(rgb(Image.fromarray(PICTURE))) == result).all()
    first = torch.from_numpy(PICTURE.transpose(2, 0, 1).copy())
    assert (rgb(first).numpy().transpose(1, 2, 0) == result).all()
    for low, high in ((0, 1), (-1, 1), (0, 255), (3, 7.5)):
        floats = PICTURE / 255 * (high - low) + low
        back = rgb(floats, value_range=(low, high))
        assert back.dtype == np.float64 and np.abs((back - low) / (high - low) * 255 - result).max() <= 0.501
    exact = rgb.predictor(torch.from_numpy(PICTURE.transpose(2, 0, 1) / 127.5 - 1).float())
    assert torch.equal(rgb(torch.from_numpy(PICTURE.transpose(2, 0, 1) / 127.5 - 1).float(), value_range=(-1, 1)), exact)


def test_options_may_be_scalars_of_numpy(rgb: gan_style.TrainedTranslator) -> None:
    numbers: dict[str, Any] = {"resize": np.int64(16), "batch_size": np.int64(2)}
    assert (rgb(PICTURE, **numbers) == rgb(PICTURE, resize=16)).all()
    strength: Any = np.float32(0.5)
    with pytest.raises(UserError, match=r"^strength: "):
        rgb(PICTURE, strength=strength)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_floating_point_arrays_keep_their_type(rgb: gan_style.TrainedTranslator, dtype: str) -> None:
    given = (PICTURE / 255).astype(dtype)
    given.flags.writeable = False
    result = rgb(given, value_range=(0, 1))
    assert (result.dtype, result.shape) == (given.dtype, given.shape)
    assert result.min() >= 0 and result.max() <= 1


@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16, torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(3, HEIGHT, WIDTH), (2, 3, HEIGHT, WIDTH)])
def test_tensors_keep_type_layout_and_size(rgb: gan_style.TrainedTranslator, dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    given = (torch.rand(shape) * (1 if dtype.is_floating_point else 200)).to(dtype)
    result = rgb(given, **({"value_range": (0, 1)} if dtype.is_floating_point else {}))
    assert (result.dtype, result.shape, result.device) == (dtype, given.shape, given.device)
    assert not result.requires_grad
    last = given.movedim(-3, -1)
    moved = rgb(last, channels_first=False, **({"value_range": (0, 1)} if dtype.is_floating_point else {}))
    assert torch.equal(moved.movedim(-1, -3), result)


def test_sixteen_bits_and_a_range_within_them(rgb: gan_style.TrainedTranslator) -> None:
    deep = PICTURE.astype(np.uint16) * 257
    result = rgb(deep)
    assert result.dtype == np.uint16 and np.abs(result / 257 - rgb(PICTURE)).max() <= 0.501
    twelve = rgb((PICTURE.astype(np.uint16) * 16), value_range=(0, 4080))
    assert twelve.dtype == np.uint16 and twelve.max() <= 4080 and np.abs(twelve / 16 - rgb(PICTURE)).max() <= 0.6


def test_values_beyond_their_type_become_its_nearest(rgb: gan_style.TrainedTranslator) -> None:
    given = PICTURE.clip(0, 255)
    wide = rgb(given.astype(np.float64), value_range=(-1000, 1000))
    whole = rgb(given, value_range=(-1000, 1000))
    assert whole.dtype == np.uint8 and wide.min() < 0 and np.abs(whole - wide.clip(0, 255)).max() <= 0.501


@pytest.mark.parametrize(("key", "value"), [("precision", "fp8"), ("precision", None), ("device", "gpu")])
def test_a_device_or_precision_that_there_is_not_is_refused(key: str, value: object, tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "a2b.safetensors")
    with pytest.raises(UserError, match=rf"^{key}.*{value!r}.* is none of"):
        gan_style.load(bundle, **{key: value})  # type: ignore[arg-type]


def test_a_batch_is_each_picture_by_itself(rgb: gan_style.TrainedTranslator) -> None:
    batch = np.stack([pixels(HEIGHT, WIDTH, seed=seed) for seed in range(3)])
    assert (rgb(batch) == np.stack([rgb(each) for each in batch])).all()
    together = rgb(batch, batch_size=2)
    assert np.abs(together.astype(int) - rgb(batch)).max() <= 1
    kinds = [batch[0], Image.fromarray(pixels(30, 11)), torch.from_numpy(batch[1].transpose(2, 0, 1).copy())]
    results: Any = rgb(kinds)
    assert [type(each).__name__ for each in results] == ["ndarray", "Image", "Tensor"]
    assert (results[0] == rgb(batch[0])).all() and results[1].size == (11, 30)
    assert isinstance(rgb((batch[0], batch[1])), tuple)
    assert rgb([]) == []


def test_gray_with_and_without_an_axis_for_it(gray: gan_style.TrainedTranslator, colouring: gan_style.TrainedTranslator) -> None:
    flat = PICTURE[..., 0]
    assert gray(flat).shape == flat.shape and (gray(flat) == gray(flat[..., None])[..., 0]).all()
    assert gray(torch.from_numpy(flat)).shape == flat.shape
    assert colouring(flat).shape == (HEIGHT, WIDTH, 3) and colouring(torch.from_numpy(flat)).shape == (3, HEIGHT, WIDTH)
    deep = gray(Image.fromarray(flat.astype(np.uint16) * 257))
    assert deep.mode == "I;16" and (np.asarray(deep) == gray(flat.astype(np.uint16) * 257)).all()
    assert colouring(Image.fromarray(flat.astype(np.uint16) * 257)).mode == "RGB"


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("L", "RGB"), ("LA", "RGBA"), ("RGB", "RGB"), ("RGBA", "RGBA"), ("P", "RGB"), ("1", "RGB"), ("CMYK", "RGB"), ("YCbCr", "RGB")],
)
def test_modes_of_images(rgb: gan_style.TrainedTranslator, mode: str, expected: str) -> None:
    image = Image.fromarray(PICTURE).convert("RGBA" if mode == "RGBA" else "RGB").convert(mode)
    result = rgb(image)
    assert (result.mode, result.size) == (expected, image.size)
    if mode in ("P", "L", "1"):
        assert (np.asarray(result) == rgb(np.asarray(image.convert("RGB")))).all()


def test_alpha_is_kept_aside_and_an_image_turned_upright(rgb: gan_style.TrainedTranslator) -> None:
    alpha = pixels(HEIGHT, WIDTH, 1, seed=5)
    result = np.asarray(rgb(Image.fromarray(np.concatenate([PICTURE, alpha], axis=2))))
    assert (result[..., 3:] == alpha).all() and (result[..., :3] == rgb(PICTURE)).all()
    turned = Image.fromarray(PICTURE)
    turned.getexif()[0x0112] = 6
    assert rgb(turned).size == (HEIGHT, WIDTH)


@pytest.mark.parametrize("resize", ["train", 9, 40])
def test_a_result_is_scaled_back(rgb: gan_style.TrainedTranslator, resize: Any) -> None:
    result = rgb(PICTURE, resize=resize)
    assert result.shape == PICTURE.shape and (result != rgb(PICTURE)).any()
    floats = rgb(PICTURE.astype(np.float32) / 255, value_range=(0, 1), resize=resize)
    assert floats.shape == PICTURE.shape and np.abs(floats * 255 - result).mean() < 4


def test_classes_of_a_label_map_take_the_nearest_colour(tmp_path: Path) -> None:
    resize = Resize(preprocess="none", load_size=32, crop_size=32)
    bundle = tiny_bundle(tmp_path / "a2b.safetensors", labels="nearest", colours=["#000000", "#ff0000"], resize=resize)
    translator = gan_style.load(bundle, device="cpu")
    classes = np.zeros((8, 12, 3), np.uint8)
    classes[:, 6:, 0] = 255
    noisy = np.where(classes == 0, 9, 240).astype(np.uint8) * (classes >= 0)
    noisy[..., 1:] = 9
    assert (translator(noisy) == translator(classes)).all()
    with pytest.raises(TypeError, match="8 bits"):
        translator(classes.astype(np.uint16))


@pytest.mark.parametrize(
    ("given", "keywords", "kind", "said"),
    [
        (PICTURE.astype(np.float32), {}, ValueError, "say where black and white are: value_range=(0, 1) or (-1, 1)"),
        (PICTURE / 255, {"value_range": (0, 0.5)}, ValueError, "do not lie in the range declared, 0 to 0.5"),
        (np.full((8, 8, 3), np.nan), {"value_range": (0, 1)}, ValueError, "do not lie in the range declared"),
        (PICTURE / 255, {"value_range": (1, 0)}, ValueError, "the smaller one first"),
        (PICTURE / 255, {"value_range": 1}, ValueError, "give two numbers"),
        (PICTURE.astype(np.int64), {}, TypeError, "values of type int64"),
        (PICTURE > 3, {}, TypeError, "values of type bool"),
        (PICTURE[..., :2], {}, ValueError, "a translator of 3 channels was given the shape [18, 27, 2]; give [H, W, C] or [B, H, W, C]"),
        (PICTURE.transpose(2, 0, 1), {}, ValueError, "channels_first=True is for channels before height and width"),
        (torch.zeros(8, 8, 3), {"value_range": (0, 1)}, ValueError, "channels_first=False is for channels after height and width"),
        (np.zeros((0, 8, 8, 3), np.uint8), {}, ValueError, "was given the shape [0, 8, 8, 3]"),
        ("photo.png", {}, TypeError, "not str; gan-style infer reads files"),
        (Path("photo.png"), {}, TypeError, "a PIL image, a NumPy array or a tensor"),
        (Image.new("F", (8, 8)), {}, TypeError, "a PIL image of mode F; give its values as an array"),
        (Image.new("RGB", (0, 8)), {}, ValueError, "a PIL image of 0 x 8 pixels holds no picture"),
        (Image.new("RGB", (8, 8)), {"value_range": (0, 1)}, ValueError, "leave them out"),
        (PICTURE, {"resize": 0}, ValueError, "resize 0: give none, train or the length"),
        (PICTURE, {"resize": "big"}, ValueError, "resize 'big'"),
        (PICTURE, {"batch_size": 0}, ValueError, "batch_size 0: give 1 or more"),
        (PICTURE, {"strength": 2}, ValueError, "strength 2: give a number from 0 to 1"),
        (PICTURE, {"style": "waves"}, UserError, "style: a bundle of pix2pix takes no style; leave it out"),
        (PICTURE, {"to": "winter"}, UserError, "to winter: a bundle of pix2pix has no domains"),
    ],
)
def test_what_is_refused(given: Any, keywords: Any, kind: type[Exception], said: str, rgb: gan_style.TrainedTranslator) -> None:
    with pytest.raises(kind) as refusal:
        rgb(given, **keywords)
    assert said in str(refusal.value) and "\n" not in str(refusal.value)


def test_a_batch_without_memory_is_halved(rgb: gan_style.TrainedTranslator, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    translate = type(rgb.predictor).translate

    def scarce(self: Any, images: torch.Tensor, *rest: Any, **style: Any) -> torch.Tensor:
        sizes.append(len(images))
        if len(images) > 2:
            raise OutOfMemory("no memory")
        return translate(self, images, *rest, **style)

    monkeypatch.setattr(type(rgb.predictor), "translate", scarce)
    assert len(rgb(np.stack([PICTURE] * 5), batch_size=5)) == 5
    assert sizes == [5, 2, 2, 1]


def test_where_a_bundle_is_looked_for(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^model hf://horses: names nothing on the hub; write hf://USER/NAME"):
        gan_style.load("hf://horses")
    with pytest.raises(UserError, match=r"^model .*nowhere: no such file or folder"):
        gan_style.load(tmp_path / "nowhere")
    for direction in ("a2b", "b2a"):
        tiny_bundle(tmp_path / "run/bundles" / f"{direction}.safetensors", direction=direction)
    assert gan_style.load(tmp_path / "run").info.direction == "a2b"
    assert gan_style.load(str(tmp_path / "run"), direction="b2a").info.direction == "b2a"
    with pytest.raises(UserError, match=r"^direction b2a: .* translates a2b"):
        gan_style.load(tmp_path / "run/bundles/a2b.safetensors", direction="b2a")
    with pytest.raises(UserError, match=r"^precision: fp16 needs a GPU"):
        gan_style.load(tmp_path / "run", device="cpu", precision="fp16")
