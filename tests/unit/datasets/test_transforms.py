"""Augmentation: pairs move together, domains are recoloured apart, label maps keep their colours, seeds decide everything."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from gan_style.config.schema import DataConfig
from gan_style.datasets.reading import Loaded
from gan_style.datasets.transforms import TrainingTransforms
from gan_style.errors import UserError
from gan_style.files import images
from gan_style.types import to_floats

RNG = np.random.default_rng(1)
NOISE = RNG.integers(0, 256, (40, 48, 3), dtype=np.uint8)
COLOURS = np.array([[0, 0, 0], [255, 0, 0], [0, 255, 0], [0, 0, 255], [250, 240, 230]], np.uint8)
LABELS = COLOURS[RNG.integers(0, 5, (40, 48))]
WARPS = [
    {"name": "Affine", "rotate": [-30, 30], "scale": [0.7, 1.4], "border_mode": 4, "p": 1.0, "mask_interpolation": 1},
    {"name": "ElasticTransform", "alpha": 40, "sigma": 4, "border_mode": 4, "p": 1.0},
]


def transforms(**changes: Any) -> Callable[..., dict[str, torch.Tensor]]:
    """Training transforms, with their results as floats."""
    made = TrainingTransforms(DataConfig(**{"load_size": 30, "crop_size": 24, **changes}))
    return lambda sample, *keys: {name: to_floats(image) for name, image in made(sample, *keys).items()}


def pair(a: np.ndarray, b: np.ndarray, labels_a: bool = False, labels_b: bool = False) -> dict[str, Loaded]:
    return {"a": Loaded(a, labels_a, "a.png"), "b": Loaded(b, labels_b, "b.png")}


def colours(image: torch.Tensor) -> set[tuple[int, ...]]:
    return {tuple(colour) for colour in images.to_pixels(image).reshape(-1, image.shape[0]).tolist()}


@pytest.mark.parametrize("preprocess", ["resize_and_crop", "crop", "scale_width", "scale_width_and_crop", "none"])
@pytest.mark.parametrize("other_is_labels", [False, True])
def test_label_maps_keep_exactly_their_colours(preprocess: str, other_is_labels: bool) -> None:
    recolour = {"transforms": [{"name": "RandomBrightnessContrast", "p": 1.0}]}
    augment = transforms(preprocess=preprocess, transforms=WARPS, domain_a=recolour, load_size=29, crop_size=20)
    allowed = {tuple(colour) for colour in COLOURS.tolist()}
    for index in range(5):
        for sample in (pair(LABELS, NOISE, True, other_is_labels), {"a": Loaded(LABELS, True, "a.png")}):
            result = augment(sample, 0, index)
            assert colours(result["a"]) <= allowed
            assert len(colours(result["a"])) > 1


def test_an_interpolated_picture_would_have_failed_that_test() -> None:
    result = transforms(transforms=WARPS)(pair(LABELS, NOISE), 0)
    assert len(colours(result["a"])) > 5


@pytest.mark.parametrize("labels", [(False, False), (True, False), (False, True), (True, True)])
def test_a_pair_moves_together(labels: tuple[bool, bool]) -> None:
    """B is A inverted; moves without interpolation keep it so, whatever the two are passed to albumentations as."""
    moves = [{"name": "VerticalFlip", "p": 0.5}, {"name": "RandomRotate90", "p": 0.5}, {"name": "D4"}]
    augment = transforms(preprocess="crop", transforms=moves)
    results = [augment(pair(NOISE, 255 - NOISE, *labels), 0, index) for index in range(20)]
    for result in results:
        assert result["a"].shape == (3, 24, 24)
        torch.testing.assert_close(result["a"], -result["b"], atol=1e-6, rtol=0)
    assert len({result["a"].numpy().tobytes() for result in results}) == 20, "and the samples differ"


def test_each_domain_is_recoloured_by_its_own_draws() -> None:
    recolour = {"transforms": [{"name": "RandomBrightnessContrast", "brightness_limit": [-0.4, 0.4], "p": 1.0}]}
    flat = np.full((24, 24, 3), 128, np.uint8)
    results = [transforms(domain_a=recolour, domain_b=recolour)(pair(flat, flat), 0, index) for index in range(10)]
    values = {(float(result["a"].mean()), float(result["b"].mean())) for result in results}
    assert len(values) == 10 and all(a != b for a, b in values)
    only_a = transforms(domain_a={"transforms": [{"name": "InvertImg", "p": 1.0}]})(pair(flat, flat), 0)
    assert images.to_pixels(only_a["a"]).mean() == 127 and images.to_pixels(only_a["b"]).mean() == 128


def test_flips_and_crops_are_drawn_independently() -> None:
    """albumentations' own seeding makes them the same draw: a flip would happen exactly where the crop begins in the upper half."""
    ramp = np.zeros((48, 48, 3), np.uint8)
    ramp[..., 0] = np.arange(48)[:, None]  # the row
    ramp[..., 1] = np.arange(48)[None, :]  # the column
    augment = transforms(preprocess="crop", crop_size=24, transforms=[{"name": "VerticalFlip", "p": 0.5}])
    seen = []
    for index in range(400):
        pixels = images.to_pixels(augment({"a": Loaded(ramp, False, "a")}, 0, index)["a"]).astype(int)
        flipped, upside_down = pixels[0, 0, 1] > pixels[0, -1, 1], pixels[0, 0, 0] > pixels[-1, 0, 0]
        seen.append((bool(flipped), bool(upside_down), bool(pixels[..., 0].min() < 12)))
    for first, second in ((0, 1), (0, 2), (1, 2)):
        agree = sum(each[first] == each[second] for each in seen)
        assert 140 < agree < 260, f"{first} and {second} agree {agree} times of 400: six standard deviations from chance"


def test_samples_are_a_function_of_their_keys() -> None:
    augment = transforms(transforms=WARPS, domain_b={"transforms": [{"name": "GaussNoise", "p": 1.0}]})
    first = augment(pair(NOISE, NOISE), 5, "pair", 1, 2)
    augment(pair(NOISE, NOISE), 5, "pair", 1, 3)
    np.random.seed(3)
    torch.manual_seed(3)
    again = transforms(transforms=WARPS, domain_b={"transforms": [{"name": "GaussNoise", "p": 1.0}]})(pair(NOISE, NOISE), 5, "pair", 1, 2)
    assert torch.equal(first["a"], again["a"]) and torch.equal(first["b"], again["b"])
    other = augment(pair(NOISE, NOISE), 5, "pair", 2, 2)
    assert not torch.equal(first["a"], other["a"])


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bits_stay_sixteen_bits(channels: int) -> None:
    deep = np.arange(30 * 30 * channels, dtype=np.uint16).reshape(30, 30, channels) * 7 + 1
    result = transforms(preprocess="none", flip=False)({"a": Loaded(deep, False, "a")}, 0)["a"]
    np.testing.assert_array_equal(images.to_pixels(result, 16), deep)
    inverted = transforms(preprocess="none", flip=False, domain_a={"transforms": [{"name": "InvertImg", "p": 1.0}]})
    result = inverted({"a": Loaded(deep, False, "a")}, 0)["a"]
    np.testing.assert_array_equal(images.to_pixels(result, 16), 65535 - deep)
    turned = transforms(preprocess="none", flip=False, transforms=[{"name": "Transpose", "p": 1.0}])
    result = turned({"a": Loaded(deep, False, "a")}, 0)["a"]
    np.testing.assert_array_equal(images.to_pixels(result, 16), deep.transpose(1, 0, 2))


@pytest.mark.parametrize(
    ("preprocess", "size"),
    [("resize_and_crop", (24, 24)), ("crop", (24, 24)), ("scale_width", (25, 30)), ("scale_width_and_crop", (24, 24)), ("none", (40, 48))],
)
def test_sizes_in_training(preprocess: str, size: tuple[int, int]) -> None:
    result = transforms(preprocess=preprocess)(pair(NOISE, NOISE), 0)
    assert result["a"].shape == result["b"].shape == (3, *size)


def test_no_flip_without_being_asked() -> None:
    augment = transforms(preprocess="none", flip=False)
    assert all(torch.equal(augment(pair(NOISE, NOISE), index)["a"], images.to_tensor(NOISE)) for index in range(10))
    flipping = transforms(preprocess="none")
    flips = sum(not torch.equal(flipping(pair(NOISE, NOISE), index)["a"], images.to_tensor(NOISE)) for index in range(100))
    assert 30 < flips < 70


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"transforms": [{"name": "Rotat", "limit": 3}]}, r"data\.transforms\[0\]: no transform is called Rotat; did you mean Rotate"),
        ({"transforms": [{"limit": 3}]}, r"data\.transforms\[0\]: names no transform"),
        ({"transforms": [{"name": "Rotate", "limt": 3}]}, "has no key limt; did you mean limit"),
        ({"transforms": [{"name": "Rotate", "p": 3}]}, "Rotate: p must be at most 1, not 3"),
        ({"transforms": [{"name": "ColorJitter"}]}, "ColorJitter changes colours"),
        ({"domain_b": {"transforms": [{"name": "Rotate"}]}}, r"data\.domain_b\.transforms\[0\]: Rotate moves pixels"),
        ({"domain_a": {"transforms": [{"name": "BasicTransform"}]}}, "no transform is called BasicTransform"),
    ],
)
def test_mistakes_in_the_lists_are_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        transforms(**changes)
    assert "\n" not in str(caught.value)


def test_dropout_is_allowed_in_one_domain() -> None:
    augment = transforms(preprocess="none", flip=False, domain_a={"transforms": [{"name": "CoarseDropout", "p": 1.0}]})
    white = np.full((32, 32, 3), 255, np.uint8)
    result = augment(pair(white, white), 0)
    assert (result["a"] < 1).any() and (result["b"] == 1).all()


@pytest.mark.parametrize(
    ("preprocess", "message"), [("crop", "has 48 x 40 pixels"), ("scale_width_and_crop", "scaled to width 60 it has 60 x 50")]
)
def test_crops_larger_than_the_image_name_the_file(preprocess: str, message: str) -> None:
    with pytest.raises(UserError, match=rf"a\.png: {message}.*crop_size 55"):
        transforms(preprocess=preprocess, load_size=60, crop_size=55)(pair(NOISE, NOISE), 0)


def test_a_transform_that_fails_on_a_file_names_it() -> None:
    with pytest.raises(UserError, match=r"a\.png: data\.domain_a\.transforms failed"):
        transforms(domain_a={"transforms": [{"name": "PlanckianJitter", "p": 1.0}]})({"a": Loaded(NOISE[..., :1], False, "a.png")}, 0)


VALUES = {
    "Normalize": (r"Normalize turns 8-bit values from uint8 into float32", {"name": "Normalize"}),
    "min-max": (r"Normalize turns 8-bit values", {"name": "Normalize", "normalization": "min_max", "p": 0.01}),
    "ToFloat": (r"ToFloat turns 8-bit values from uint8 into float32", {"name": "ToFloat", "max_value": 65535}),
    "FromFloat": (r"FromFloat turns", {"name": "FromFloat", "dtype": "uint16"}),
}


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("domain", ["a", "b"])
@pytest.mark.parametrize("channels", [1, 3])
def test_what_changes_the_range_or_type_of_values_is_refused(name: str, domain: str, channels: int) -> None:
    message, spec = VALUES[name]
    own = {"channels": channels, "transforms": [{"name": "InvertImg"}, spec]}
    with pytest.raises(UserError, match=rf"data\.domain_{domain}\.transforms\[1\]: {message}.*; leave it out") as caught:
        transforms(**{f"domain_{domain}": own})
    assert "\n" not in str(caught.value)


SIZES = {
    "RandomCrop": {"height": 12, "width": 16},
    "Resize": {"height": 12, "width": 16},
    "LongestMaxSize": {"max_size": 12},
    "RandomScale": {"scale_limit": [0.5, 0.5]},
    "PadIfNeeded": {"min_height": 60, "min_width": 60},
}


@pytest.mark.parametrize("name", SIZES)
def test_the_size_of_a_crop_is_said_in_one_place(name: str) -> None:
    spec = {"name": name, **SIZES[name], "p": 0.5}
    with pytest.raises(UserError, match=rf"data\.transforms\[0\]: {name} makes .* of the 24 x 24 pixels that data\.crop_size asks for"):
        transforms(transforms=[spec])
    assert transforms(preprocess="none", transforms=[{**spec, "p": 1.0}])(pair(NOISE, NOISE), 0)["a"].shape[1:] != NOISE.shape[:2]
    assert transforms(transforms=[{"name": "Resize", "height": 24, "width": 24}])(pair(NOISE, NOISE), 0)["a"].shape[1:] == (24, 24)


def test_every_transform_that_keeps_values_is_still_accepted() -> None:
    """Found by name: what albumentations can build without keywords, but for those that are for other things than images."""
    from gan_style.datasets.transforms import _known_transforms, build_transform

    refused = set()
    for name, kind in sorted(_known_transforms().items()):
        own = "DualTransform" not in {base.__name__ for base in kind.__mro__}
        try:
            build_transform({"name": name}, "", moves_pixels=not own)
        except UserError:  # it needs keywords
            continue
        try:
            transforms(**({"domain_a": {"transforms": [{"name": name}]}} if own else {"transforms": [{"name": name}]}))
        except UserError:
            refused.add(name)
    assert refused == {"FromFloat", "Normalize", "ToFloat", "PadIfNeeded", "RandomCropFromBorders", "RandomScale"}


@pytest.mark.parametrize("preprocess", ["resize_and_crop", "crop", "scale_width", "scale_width_and_crop", "none"])
@pytest.mark.parametrize("flip", [True, False])
@pytest.mark.parametrize(("kind", "channels"), [(np.uint8, 3), (np.uint8, 1), (np.uint16, 4), (np.uint16, 2)])
def test_crops_and_flips_without_albumentations_are_those_of_albumentations(
    preprocess: str, flip: bool, kind: type[np.unsignedinteger], channels: int
) -> None:
    """A listed transform that is never applied makes albumentations crop and flip."""
    settings: dict[str, Any] = {"preprocess": preprocess, "flip": flip, "load_size": 30, "crop_size": 24}
    fast = TrainingTransforms(DataConfig(**settings))
    slow = TrainingTransforms(DataConfig(**settings, transforms=[{"name": "VerticalFlip", "p": 0.0}]))
    rng = np.random.default_rng(2)
    seen = set()
    for number in range(60):
        height, width = int(rng.integers(40, 60)), int(rng.integers(24, 40))
        image = rng.integers(0, np.iinfo(kind).max, (height, width, channels), dtype=kind)
        sample = {"a": Loaded(image, number % 3 == 0, "a"), "b": Loaded(image[::-1], number % 2 == 0, "b")}
        if number % 5 == 0:
            del sample["b"]
        got, expected = fast(sample, 7, "pair", 1, number), slow(sample, 7, "pair", 1, number)
        assert got.keys() == expected.keys() == sample.keys()
        for name in got:
            assert got[name].dtype == expected[name].dtype == getattr(torch, kind.__name__)
            np.testing.assert_array_equal(got[name].numpy(), expected[name].numpy())
        seen.add(got["a"].numpy().tobytes())
    assert len(seen) == 60
