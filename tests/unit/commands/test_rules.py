"""Each rule of `gan-style train FOLDER`, on described folders and machines."""

from dataclasses import replace
from typing import Any

import pytest

from gan_style.commands.train import rules
from gan_style.commands.train.rules import SIZES, Pace, Size
from gan_style.commands.train.wish import Wish
from gan_style.datasets.facts import Facts
from gan_style.datasets.look import Look
from gan_style.errors import UserError
from gan_style.machine.inventory import Machine

PHOTOS = Look(500, 384, 288)
MAPS = Look(500, 384, 288, labels="palette", classes=12)
PAIRS = Facts("pairs", "the names agree", "data", MAPS, PHOTOS, validation=100)
DOMAINS = Facts("domains", "the names differ", "data", PHOTOS, PHOTOS, validation=100)
CLASSES = Facts("classes", "three folders", "data", PHOTOS, names=("autumn", "summer", "winter"), validation=30)
IMAGES = Facts("images", "one kind", "data", PHOTOS)
STYLES = Facts("styles", "styles/", "data/photos", PHOTOS, root_b="data/styles", styles=("data/styles/wave.jpg", "data/styles/glass.png"))
CPU = Machine("cpu", "2 threads", 16.0)
ANY = Wish()
GPU = Machine("cuda", "a GPU", 70.0, bf16=True)


def keys(facts: Facts, wish: Wish = ANY, machine: Machine = CPU, size: Size | None = None, seconds: float = 0.5) -> dict[str, Any]:
    recipe, _ = rules.recipe_for(facts, machine, wish)
    return rules.keys_for(recipe, facts, machine, wish, Pace(size or SIZES[recipe][0], seconds))


@pytest.mark.parametrize(
    ("facts", "recipe"),
    [(PAIRS, "fast"), (DOMAINS, "fast_unpaired"), (CLASSES, "fast_domains"), (IMAGES, "gan"), (STYLES, "fast_style")],
    ids=["pairs", "domains", "classes", "images", "styles"],
)
def test_each_kind_of_folder_has_its_recipe(facts: Facts, recipe: str) -> None:
    assert rules.recipe_for(facts, CPU, Wish())[0] == recipe


def test_many_styles_are_one_network_for_any_style() -> None:
    many = replace(STYLES, styles=tuple(f"{number}.png" for number in range(13)))
    assert rules.recipe_for(many, CPU, Wish())[0] == "adain"
    assert keys(many)["data.root_b"] == "data/styles" and "data.root_b" not in keys(STYLES)


def test_spade_is_for_label_maps_on_a_gpu_with_hours() -> None:
    hours = Wish(minutes=300)
    assert rules.recipe_for(PAIRS, GPU, hours)[0] == "spade"
    photos = replace(PAIRS, a=PHOTOS)
    assert {rules.recipe_for(*each)[0] for each in ((PAIRS, CPU, hours), (PAIRS, GPU, Wish(60)), (photos, GPU, hours))} == {"fast"}


@pytest.mark.parametrize(("method", "recipe"), [("pix2pix", "fast"), ("cyclegan", "fast_unpaired"), ("cut", "cut"), ("gan", "gan")])
def test_a_method_that_is_named_has_its_own_recipe(method: str, recipe: str) -> None:
    wish = Wish(keys={"method": {"name": method}})
    assert rules.recipe_for(PAIRS, CPU, wish)[0] == recipe
    assert recipe in SIZES


def sizes(facts: Facts, wish: Wish = ANY, machine: Machine = CPU) -> list[int]:
    return [size.crop for size in rules.sizes_for("fast", facts, machine, wish)]


def test_crops_are_no_larger_than_the_images() -> None:
    small = replace(PAIRS, b=Look(500, 200, 140))
    assert max(sizes(PAIRS)) == 256 and max(sizes(small)) == 128
    assert sizes(replace(PAIRS, a=Look(500, 40, 40))) == [64], "enlarged to the least size"
    with pytest.raises(UserError, match="too small, 31 x 90; give images of 32 pixels or more"):
        sizes(replace(PAIRS, a=Look(500, 31, 90)))


def test_sizes_that_the_memory_does_not_hold_are_left_out() -> None:
    assert max(sizes(PAIRS, machine=replace(CPU, memory=2.0))) == 128
    assert sizes(PAIRS, machine=replace(CPU, memory=0.01)) == [64], "something must be tried"


def test_a_crop_that_the_user_sets_leaves_the_widths_to_choose() -> None:
    found = rules.sizes_for("fast", PAIRS, CPU, Wish(keys={"data": {"crop_size": 100}}))
    assert {size.crop for size in found} == {100} and len(found) == 1
    wide = rules.sizes_for("fast", PAIRS, CPU, Wish(keys={"data": {"crop_size": 128}}))
    assert [size.channels for size in wide] == [size.channels for size in SIZES["fast"] if size.crop <= 128]


LADDER = [Size(64, 24, 24), Size(128, 32, 32, 100), Size(256, 48, 32, 1000)]


def taken(minutes: float, times: tuple[float, ...], steps: int | None = None) -> Pace:
    wish = Wish(None if steps else minutes, {"train": {"steps": steps, "minutes": minutes}} if steps else {})
    seconds = dict(zip(LADDER, times, strict=True))
    return rules.affordable(LADDER, wish, seconds.__getitem__)


def test_the_largest_size_of_which_enough_steps_fit_is_taken() -> None:
    assert taken(1, (0.1, 0.5, 1.0)) == Pace(LADDER[1], 0.5, (LADDER[2], 60)), "120 steps of 0.5 s, but 60 of 1 s"
    assert taken(20, (0.1, 0.5, 1.0)) == Pace(LADDER[2], 1.0)
    assert taken(0.1, (0.1, 0.5, 1.0)) == Pace(LADDER[0], 0.1, (LADDER[1], 12))


def test_no_further_size_is_measured_after_one_that_is_too_slow() -> None:
    measured: list[Size] = []

    def seconds(size: Size) -> float:
        measured.append(size)
        return 10.0

    rules.affordable(LADDER, Wish(1), seconds)
    assert measured == LADDER[:2]


def test_a_size_without_room_is_not_taken() -> None:
    assert taken(60, (0.1, float("inf"), 1.0)).size == LADDER[0]


def test_a_number_of_steps_must_be_enough_for_the_size_and_fit_into_the_time() -> None:
    assert taken(60, (0.1, 0.5, 1.0), steps=500).size == LADDER[1]
    assert taken(60, (0.1, 0.5, 1.0), steps=2000).size == LADDER[2]
    assert taken(1, (0.1, 0.5, 1.0), steps=2000).size == LADDER[0]


@pytest.mark.parametrize("recipe", SIZES)
def test_larger_sizes_want_more_steps(recipe: str) -> None:
    wanted = [size.steps for size in SIZES[recipe]]
    assert wanted[0] == 0 and wanted == sorted(wanted)
    assert [size.crop for size in SIZES[recipe]] == sorted(size.crop for size in SIZES[recipe])


def test_few_images_are_stabilised_as_in_small_data() -> None:
    few = replace(PAIRS, a=replace(MAPS, images=40), b=replace(PHOTOS, images=40))
    found = keys(few)
    assert (found["method.r1_weight"], found["method.r1_every"], found["train.mixed_precision"]) == (0.1, 16, "no")
    assert "color" in found["method.diffaugment"]
    for kind in ("domains", "classes"):
        assert "color" not in keys(replace(few, kind=kind))["method.diffaugment"], "the domains may differ in colour"
    assert not {"method.diffaugment", "train.mixed_precision"} & keys(PAIRS).keys()


def test_gray_images_have_one_channel() -> None:
    gray = keys(replace(PAIRS, b=replace(PHOTOS, gray=True)))
    assert gray["data.domain_b.channels"] == 1 and "data.domain_a.channels" not in gray
    assert "data.domain_a.channels" not in keys(replace(STYLES, a=replace(PHOTOS, gray=True))), "VGG sees RGB"


def test_measurements_are_scaled_without_their_ends_and_keep_their_values() -> None:
    scans = Look(20, 96, 80, values="float32", channels=2)
    found = keys(replace(PAIRS, a=scans, b=replace(PHOTOS, images=20)))
    assert (found["data.domain_a.channels"], found["data.domain_a.range"]) == (2, "percentiles")
    assert "data.domain_b.range" not in found and found["method.diffaugment"] == ["translation", "cutout"]


@pytest.mark.parametrize(("labels", "value"), [("palette", None), ("colours", "yes"), ("noisy", "nearest"), ("no", None)])
def test_label_maps_without_a_palette_are_declared(labels: Any, value: str | None) -> None:
    assert keys(replace(PAIRS, a=replace(MAPS, labels=labels))).get("data.domain_a.labels") == value


@pytest.mark.parametrize(("crop", "load", "downs"), [(64, 72, 5), (128, 143, 6), (256, 286, 7)])
def test_the_u_net_halves_to_two_pixels(crop: int, load: int, downs: int) -> None:
    found = keys(PAIRS, size=Size(crop, 32, 32))
    assert (found["method.generator.num_downs"], found["data.crop_size"], found["data.load_size"]) == (downs, crop, load)


def test_blocks_follow_the_size_as_in_the_paper() -> None:
    assert [keys(DOMAINS, size=Size(crop, 32, 32))["method.generator.num_blocks"] for crop in (128, 256)] == [6, 9]


def test_the_rate_ends_with_the_time_and_weights_are_averaged() -> None:
    for facts in (PAIRS, DOMAINS, CLASSES, IMAGES, STYLES):
        found = keys(facts, Wish(30))
        assert (found["train.minutes"], found["train.steps"], found["train.epochs"], found["optim.schedule"]) == (30, None, None, "linear")
        assert found["train.ema_decay"] == 0.999
    assert keys(PAIRS)["train.minutes"] == 60
    assert keys(PAIRS, Wish(keys={"train": {"steps": 10}}))["train.minutes"] is None
    assert keys(PAIRS, Wish(keys={"train": {"epochs": 1}}))["train.minutes"] is None


def test_batches_are_the_recipes_on_a_gpu_and_never_larger_than_the_set() -> None:
    assert (keys(IMAGES)["train.batch_size"], keys(IMAGES, machine=GPU)["train.batch_size"]) == (16, 64)
    assert keys(replace(IMAGES, a=Look(5, 64, 64)))["train.batch_size"] == 5


def test_a_short_run_on_a_gpu_is_not_compiled() -> None:
    assert keys(PAIRS, Wish(10), GPU)["train.compile"] == "off"
    assert "train.compile" not in keys(PAIRS, Wish(60), GPU) and "train.compile" not in keys(PAIRS, Wish(10))


@pytest.mark.parametrize(("validation", "images", "held"), [(9, 500, 0), (0, 500, 16), (0, 40, 4), (0, 19, 0)])
def test_a_set_without_validation_images_holds_some_out(validation: int, images: int, held: int) -> None:
    facts = replace(PAIRS, validation=validation, a=replace(MAPS, images=images), b=replace(PHOTOS, images=images))
    assert rules.held_out(facts) == held == keys(facts).get("data.hold_out", 0)


def test_pairs_are_measured_by_ssim_and_the_best_is_kept() -> None:
    found = keys(PAIRS, Wish(10), seconds=0.5)
    assert found["validation.best"] == "ssim" and found["train.validate_every"] == 1200 // 3 == found["logging.samples_every"]


@pytest.mark.parametrize(("minutes", "looks"), [(0.1, 1), (4, 1), (6, 2), (60, 8), (600, 8)])
def test_looking_takes_a_small_part_of_the_time(minutes: float, looks: int) -> None:
    assert rules.looks(Wish(minutes)) == looks


def test_unpaired_images_are_measured_in_long_runs_without_a_file_of_weights() -> None:
    found = keys(DOMAINS, Wish(60))
    assert (found["validation.metrics"], found["validation.best"], found["validation.features"]) == (["kid"], "kid", "random")
    assert "train.validate_every" not in keys(DOMAINS, Wish(10))


@pytest.mark.parametrize("facts", [replace(PAIRS, validation=0, a=replace(MAPS, images=10)), STYLES], ids=["too few", "styles"])
def test_nothing_is_measured_where_nothing_can_be(facts: Facts) -> None:
    assert not [key for key in keys(facts) if key.startswith("validation.") or key == "train.validate_every"]


def test_what_the_user_says_of_validation_counts() -> None:
    assert "validation.best" not in keys(PAIRS, Wish(keys={"train": {"validate_every": None}}))
    assert "validation.best" not in keys(PAIRS, Wish(keys={"validation": {"metrics": ["l1"]}}))


def test_vgg_has_torchvisions_weights_where_they_are_here() -> None:
    there = replace(CPU, weights=frozenset({"vgg16-397923af.pth"}))
    assert keys(STYLES)["method.vgg.weights"] == "random"
    assert "method.vgg.weights" not in keys(STYLES, machine=there)
    given = keys(STYLES, Wish(keys={"method": {"vgg": {"weights": "mine.pth"}}}))
    assert "method.vgg.weights" not in given and "method.style_layers" not in given, "the recipe's losses are for learned features"
    assert keys(PAIRS, Wish(300), GPU)["method.perceptual_weight"] == 0


def test_styles_are_called_by_their_files() -> None:
    assert keys(STYLES)["method.styles"] == {"wave": "data/styles/wave.jpg", "glass": "data/styles/glass.png"}
    assert [*rules.styles_by_name(["s/a.png", "s/a.jpg", "s/b.jpg"])] == ["a.png", "a.jpg", "b"]


def test_who_gives_too_little_time_is_told_how_much_it_takes() -> None:
    def wanted(minutes: float, **keys: int) -> int:
        return rules.minutes_wanted("fast_unpaired", Pace(Size(128, 32, 32), 1.0), Wish(minutes, {"train": keys}))

    assert (wanted(4), wanted(20), wanted(4, steps=5)) == (20, 0, 0)


@pytest.mark.parametrize(("seconds", "every"), [(0.05, 1000), (1.0, 300), (1000.0, 1)])
def test_five_minutes_are_lost_at_most(seconds: float, every: int) -> None:
    assert keys(PAIRS, seconds=seconds)["train.checkpoint_every"] == every


def test_wishes_are_read_from_sections_too() -> None:
    wish = Wish(None, {"train": {"steps": None}, "method": {"name": "cut"}, "data": 3})
    assert wish.sets("train.steps") and wish.steps is None and wish.method == "cut"
    assert not wish.sets("train.minutes") and not wish.sets("data.root") and wish.get("data.root") is None
    assert (Wish(5).time, Wish(None, {"train": {"minutes": 7}}).time, Wish().time) == (5, 7, 60)
