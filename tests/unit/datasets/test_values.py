"""How much of their range images use, and which classes label maps have: told by check and when a training starts."""

import re
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from gan_style.config.schema import DataConfig
from gan_style.datasets.check import check
from gan_style.datasets.class_colours import find_frequent
from gan_style.datasets.dataset import open_dataset
from gan_style.datasets.sources import find
from gan_style.datasets.values import glance, notes_and_warnings, percent, values_of
from gan_style.errors import UserError
from gan_style.files import images
from gan_style.label_maps import colours as label_colours
from gan_style.label_maps.colours import frequent, summed, tally, to_nearest


def mask(quality: int = 95, size: int = 64) -> np.ndarray:
    """A two-valued mask [size, size, 1] as it comes out of a JPEG."""
    picture = Image.new("L", (size, size))
    ImageDraw.Draw(picture).ellipse((10, 12, 50, 44), fill=255)
    stream = BytesIO()
    picture.save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream))[..., None]


def write_pairs(root: Path, a: np.ndarray, suffix: str = ".png") -> Path:
    noise = np.random.default_rng(0).integers(0, 256, (*a.shape[:2], 3), np.uint8)
    for split, count in (("train", 3), ("val", 1)):
        for number in range(count):
            images.write(root / f"{split}A" / f"{number}{suffix}", a)
            images.write(root / f"{split}B" / f"{number}.png", noise)
    return root


def config(root: Path, **domain: object) -> DataConfig:
    return DataConfig.model_validate({"root": str(root), "load_size": 16, "crop_size": 16, "domain_a": domain})


def looked_at(settings: DataConfig, by_class: str | None = None) -> tuple[list[str], list[str]]:
    return glance(open_dataset(settings, "train", "pairs", 0).source, settings, by_class)


RANGES = {
    "12 bits": (
        np.linspace(0, 1400, 256).astype(np.uint16).reshape(16, 16, 1),
        r"16-bit values 0\.\.1400 use 2\.1 % of 0\.\.65535",
    ),
    "12 bits, high": (np.linspace(60000, 64000, 256).astype(np.uint16).reshape(16, 16, 1), r"60000\.\.64000 use 6\.1 %"),
    "class numbers": (np.tile(np.array([[0, 1], [2, 0]], np.uint8), (8, 8))[..., None], r"8-bit values 0\.\.2 use 0\.78 % of 0\.\.255"),
    "one value": (np.full((16, 16, 3), 7, np.uint8), r"8-bit values 7\.\.7 use 0 % of 0\.\.255"),
}


@pytest.mark.parametrize("name", RANGES)
def test_a_domain_that_uses_little_of_its_range_is_told(tmp_path: Path, name: str) -> None:
    pixels, words = RANGES[name]
    root = write_pairs(tmp_path, pixels)
    warnings = [note for note in check(root, workers=1).notes if note.startswith("warning: ") and "-bit values" in note]
    assert len(warnings) == 2, "train A and val A"
    for line in (*warnings, *(told := looked_at(config(root, channels=pixels.shape[2]))[1])):
        assert re.search(words, line), line
    assert len(told) == 1 and told[0].startswith("domain A: ")
    assert looked_at(config(root, channels=pixels.shape[2]), by_class="a")[1] == [], "classes are seen whatever their numbers"


def test_a_tenth_of_the_range_is_enough() -> None:
    enough, little = np.array([[[0], [26]]], np.uint8), np.array([[[0], [25]]], np.uint8)
    assert notes_and_warnings("", [values_of(enough, False)])[1] == [] and len(notes_and_warnings("", [values_of(little, False)])[1]) == 1
    apart = [values_of(np.full((1, 1, 1), value, np.uint8), False) for value in (0, 200)]
    assert notes_and_warnings("", apart)[1] == [], "the domain counts, not each file"
    mixed = [values_of(np.array([[[0], [255]]], np.uint8), False), values_of(np.array([[[0], [900]]], np.uint16), False)]
    assert len(notes_and_warnings("", mixed)[1]) == 1, "each depth has its own range"


def test_hot_and_dead_pixels_do_not_hide_a_small_range(tmp_path: Path) -> None:
    dark = np.linspace(60, 1400, 128 * 128).astype(np.uint16).reshape(128, 128, 1)
    dark[3, 3], dark[5, 5] = 65535, 0
    root = write_pairs(tmp_path, dark)
    told = [note for note in check(root, workers=1).notes if "-bit values" in note] + looked_at(config(root, channels=1))[1]
    assert len(told) == 3, "train A, val A and at the start"
    for line in told:
        assert "16-bit values 0..1535 (without outliers, with them 0..65535) use 2.3 % of 0..65535" in line


@pytest.mark.parametrize(("kind", "outliers", "warnings"), [(np.uint16, 6, 1), (np.uint16, 7, 0), (np.uint8, 1, 0)])
def test_outliers_are_one_in_ten_thousand_and_the_lights_of_a_night_are_none(kind: type, outliers: int, warnings: int) -> None:
    """256 x 256 pixels hold 6 in ten thousand. In 8 bits fewer pixels are lights: they keep a night from being told."""
    night = np.zeros((256, 256, 1), kind)
    night[100, :outliers] = np.iinfo(kind).max
    assert len(notes_and_warnings("", [values_of(night, False, guess=False)])[1]) == warnings


def test_one_hot_pixel_among_many_of_eight_bits_is_an_outlier() -> None:
    numbers = np.tile(np.array([[0, 1], [2, 0]], np.uint8), (128, 128))[..., None]
    hot = numbers.copy()
    hot[7, 7] = 255
    (line,) = notes_and_warnings("", [values_of(hot, False), values_of(numbers, False)])[1]
    assert "8-bit values 0..2 (without outliers, with them 0..255) use 0.78 %" in line


def test_classes_and_their_shares_are_shown_and_noise_of_jpeg_is_told(tmp_path: Path) -> None:
    root = write_pairs(tmp_path, mask())
    for notes, warnings in (
        looked_at(config(root, channels=1, labels="yes")),
        ([note for note in check(root, workers=1).notes if "classes" in note],) * 2,
    ):
        assert "13 classes by colour: #00 69 %, #ff 21 %" in notes[0]
        told = [line for line in warnings if "no areas of their own" in line]
        assert told and "11 of 13 classes" in told[0] and "set data.domain_a.labels=nearest, which leaves 2 and moves 10 %" in told[0]


def test_clean_label_maps_have_no_noise() -> None:
    clean = np.zeros((64, 64, 3), np.uint8)
    clean[20:40, 10:30] = [255, 0, 0]
    clean[50:, 50:] = [250, 10, 10]  # a class of its own, near in colour and as frequent
    notes, warnings = notes_and_warnings("domain A", [values_of(clean, True)])
    assert "3 classes by colour: #000000" in notes[0] and warnings == []
    photo = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    assert notes_and_warnings("domain A", [values_of(photo, False)]) == ([], [])


def test_a_stray_pixel_is_told_even_where_its_colour_is_far_from_all() -> None:
    dotted = np.zeros((100, 100, 1), np.uint8)
    dotted[:50] = 255
    dotted[3, 3] = 128
    assert "1 of 3 classes" in notes_and_warnings("domain A", [values_of(dotted, True)])[1][0]


@pytest.mark.parametrize("quality", [50, 75, 95])
def test_the_frequent_colours_are_the_classes(quality: int) -> None:
    assert sorted(frequent(tally(mask(quality)), 1)) == [0, 255]


def test_nearest_gives_each_pixel_a_class() -> None:
    snapped = to_nearest(mask(75), ["#00", "#ff"])
    assert set(np.unique(snapped)) == {0, 255} and (snapped == np.where(mask(75) > 127, 255, 0)).all()
    tie = to_nearest(np.array([[[10, 0, 0, 9]]], np.uint8), ["#000000", "#140000"])
    assert tie.tolist() == [[[0, 0, 0, 9]]], "of equally near ones the first; what has no colour stays"


def test_label_maps_are_read_by_their_nearest_class(tmp_path: Path) -> None:
    root = write_pairs(tmp_path, mask(75), ".jpg")
    settings = config(root, channels=1, labels="nearest")
    source = open_dataset(settings, "train", "pairs", 0).source
    colours = find_frequent(source, settings, "a")
    assert colours == ["#00", "#ff"]
    settings = config(root, channels=1, labels="nearest", colours=colours)
    notes, warnings = looked_at(settings)
    assert warnings == [] and "2 classes by colour" in notes[0]
    assert re.fullmatch(r"domain A: labels: nearest made 2 classes of \d\d colours and moved \d+ % of the pixels", notes[1])
    sample = open_dataset(settings, "train", "pairs", 0)[0, 0]  # type: ignore[index]
    assert set(sample.images["a"].unique().tolist()) <= {0, 255}


def test_colours_are_for_nearest_and_fit_the_channels() -> None:
    for domain in ({"labels": "nearest", "colours": ["#00"]}, {"labels": "nearest", "colours": ["#00zz00"]}):
        with pytest.raises(ValueError, match="colours"):
            DataConfig.model_validate({"domain_a": domain})


def test_sixteen_bits_have_no_classes(tmp_path: Path) -> None:
    root = write_pairs(tmp_path, np.full((16, 16, 1), 30000, np.uint16))
    settings = config(root, channels=1, labels="nearest")
    with pytest.raises(UserError, match="has 16 bits; label maps need 8"):
        find_frequent(open_dataset(settings, "train", "pairs", 0).source, settings, "a")


def numbers() -> np.ndarray:
    """Class numbers 0 to 3, of 60, 25, 10 and 5 % of the pixels, and nothing else."""
    return np.repeat(np.array([0, 1, 2, 3], np.uint8), (60, 25, 10, 5))[:, None, None].repeat(100, 1)


def test_clean_class_numbers_are_classes_however_near_and_are_advised_a_palette(tmp_path: Path) -> None:
    root = write_pairs(tmp_path, numbers())
    settings = config(root, channels=1, labels="nearest")
    colours = find_frequent(open_dataset(settings, "train", "pairs", 0).source, settings, "a")
    assert colours == ["#00", "#01", "#02", "#03"]
    notes, warnings = looked_at(config(root, channels=1, labels="nearest", colours=colours))
    assert "domain A: labels: nearest made 4 classes of 4 colours and moved 0 % of the pixels" in notes
    for told in (
        warnings,
        looked_at(config(root, channels=1, labels="yes"))[1],
        [note for note in check(root, workers=1).notes if "warn" in note],
    ):
        assert any("class numbers: give the files a palette" in line for line in told) and not any("nearest" in line for line in told)


@pytest.mark.parametrize("colour", [2, 0x64, 250])
def test_a_small_clean_area_is_a_class(colour: int) -> None:
    """Of 6 x 6 pixels, in one of four files."""
    pixels = np.zeros((4, 256, 256, 1), np.uint8)
    pixels[:, 128:] = 255
    pixels[2, 40:46, 40:46] = colour
    counts = summed(tally(each) for each in pixels)
    assert sorted(frequent(counts, 1)) == sorted({0, colour, 255})
    assert notes_and_warnings("domain A", [values_of(each, True) for each in pixels])[1] == []


FIVE = [(0, 0, 0), (128, 64, 128), (70, 70, 70), (220, 20, 60), (107, 142, 35)]


def five_classes() -> Image.Image:
    picture = Image.new("RGB", (256, 256))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 128, 256, 256), fill=FIVE[1])
    draw.ellipse((40, 48, 120, 176), fill=FIVE[2])
    draw.polygon([(160, 40), (240, 200), (140, 220)], fill=FIVE[3])
    draw.rectangle((2, 2, 50, 50), fill=FIVE[4])
    return picture


@pytest.mark.parametrize("quality", [50, 75, 95])
def test_five_colours_in_a_jpeg_are_five_classes(quality: int) -> None:
    stream = BytesIO()
    five_classes().save(stream, "JPEG", quality=quality)
    found = [(code >> 16, code >> 8 & 255, code & 255) for code in frequent(tally(np.asarray(Image.open(stream))), 3)]
    assert len(found) == 5
    assert all(min(np.abs(np.subtract(colour, each)).max() for each in found) <= 4 for colour in FIVE)


@pytest.mark.parametrize("size", [(128, 128), (300, 300)])
def test_five_colours_with_blended_edges_are_five_classes(size: tuple[int, int]) -> None:
    blended = np.asarray(five_classes().resize(size, Image.Resampling.BICUBIC))
    assert sorted(frequent(tally(blended), 3)) == sorted(int(bytes(colour).hex(), 16) for colour in FIVE)


def smooth() -> np.ndarray:
    rows, columns = np.mgrid[:128, :128]
    wave = np.stack([np.sin(rows / 9 + columns / 13), np.cos(rows / 17), np.sin(columns / 11)], axis=2)
    return (127 + 100 * wave).astype(np.uint8)


PICTURES = {
    "smooth": smooth(),
    "gray": smooth()[..., :1],
    "noisy": np.random.default_rng(0).normal(120, 30, (128, 128, 3)).clip(0, 255).astype(np.uint8),
    "one colour": np.full((128, 128, 3), 9, np.uint8),
}


@pytest.mark.parametrize("name", PICTURES)
def test_nearest_on_what_is_no_label_map_is_refused(tmp_path: Path, name: str) -> None:
    pixels = PICTURES[name]
    settings = config(write_pairs(tmp_path, pixels), channels=pixels.shape[2], labels="nearest")
    with pytest.raises(UserError, match=r"data\.domain_a\.labels: nearest finds .* such as .*0\.png, which are no label maps") as refused:
        find_frequent(open_dataset(settings, "train", "pairs", 0).source, settings, "a")
    assert "\n" not in str(refused.value)


def test_pictures_of_one_colour_each_are_not_taken_for_label_maps() -> None:
    plain = [values_of(np.full((16, 16, 3), (255, 0, shade), np.uint8), True) for shade in range(20)]
    assert notes_and_warnings("train A", plain) == ([], [])


@pytest.mark.parametrize(("rare", "words"), [(1, "#00 99.9 %"), (300, "#00 99.5 %"), (3000, "#00 95 %")])
def test_shares_are_plain_percent(rare: int, words: str) -> None:
    pixels = np.zeros((250, 250, 1), np.uint8)
    pixels.ravel()[:rare] = 255
    note = notes_and_warnings("domain A", [values_of(pixels, True)])[0][0]
    assert words in note and not re.search(r"\de[+-]", note)


@pytest.mark.parametrize(
    ("share", "words"),
    [(0, "0 %"), (1, "100 %"), (0.9951, "99.5 %"), (0.99999, "99.9 %"), (0.25, "25 %"), (0.0785, "7.8 %"), (2.5e-4, "0.025 %")],
)
def test_a_share_has_two_digits_and_is_all_only_where_it_is(share: float, words: str) -> None:
    assert percent(share) == words


@pytest.mark.parametrize(("domain", "labels"), [("a", False), ("b", False), ("a", True)])
def test_what_looks_like_a_label_map_and_is_read_as_pictures_is_told(domain: str, labels: bool) -> None:
    (note,) = notes_and_warnings(
        "domain", [values_of(np.kron(np.eye(2, dtype=np.uint8) * 200, np.ones((16, 16), np.uint8))[..., None], labels)], domain
    )[0]
    assert note.startswith("domain: 2 classes by colour")
    assert (f"read as pictures, whose colours are blended, unless data.domain_{domain}.labels=yes" in note) == (not labels)


def test_training_sees_that_a_mask_saved_as_jpeg_is_none(tmp_path: Path) -> None:
    for domain in "AB":
        mask = Image.new("L", (64, 64))
        ImageDraw.Draw(mask).ellipse((10, 12, 50, 44), fill=255)
        (tmp_path / f"train{domain}").mkdir()
        mask.save(tmp_path / f"train{domain}" / "0.jpg", quality=95)
    source = find(tmp_path, "folders", "train", True)
    assert source
    notes, warnings = glance(source, DataConfig(root=str(tmp_path)), None)
    assert ["unless data.domain_" in note for note in notes] == [True, True]
    assert ["data.domain_" in warning and "nearest" in warning for warning in warnings] == [True, True]


def test_the_nearest_class_of_a_photo_of_many_colours() -> None:
    photo = np.random.default_rng(0).integers(0, 256, (100, 100, 3), np.uint8)
    colours = ["#000000", "#ff8000", "#80ff40"]
    known = np.array([list(bytes.fromhex(colour[1:])) for colour in colours])
    closest = np.square(photo[:, :, None].astype(int) - known).sum(axis=3).argmin(axis=2)
    assert len(np.unique(photo.reshape(-1, 3), axis=0)) > 2 * label_colours._BAND
    assert (to_nearest(photo, colours) == known[closest]).all()
