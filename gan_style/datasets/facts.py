"""The facts about a folder of images by which `gan-style train FOLDER` chooses a recipe.

styles    a folder styles/ of style pictures beside one folder of photographs
pairs     trainA/ and trainB/ with equal names, or train/ whose files hold A and B side by side
domains   trainA/ and trainB/ with other names; or two folders of images
classes   train/NAME/ for each of two classes or more
images    images of one kind
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gan_style.config.data import DataConfig
from gan_style.datasets.dataset import find_source
from gan_style.datasets.folders import ImageTree
from gan_style.datasets.layouts import holds_pictures, nearby, resolve_layout, subfolders
from gan_style.datasets.listing import Listing
from gan_style.datasets.look import LOOKED_AT, Look, header_of, look_of
from gan_style.datasets.pairs import Shape, mismatch
from gan_style.datasets.sources import survey_split
from gan_style.datasets.spread import spread
from gan_style.datasets.survey import Problems, Source, shown
from gan_style.datasets.volumes import by_slices
from gan_style.errors import UserError
from gan_style.files.stems import stem
from gan_style.types import Needs

Kind = Literal["styles", "pairs", "domains", "classes", "images"]
STYLE_FOLDERS = ("styles", "style")
_MENTIONED = 6  # folders in a message
# The training data that a method needs -> the kinds of folders that have them, and their description.
FITTING: dict[Needs, tuple[tuple[Kind, ...], str]] = {
    "pairs": (("pairs",), "pairs: trainA/ and trainB/ with files of equal names"),
    "domains": (("pairs", "domains", "styles"), "two domains: trainA/ and trainB/"),
    "images": (("pairs", "domains", "classes", "images", "styles"), "images"),
    "labelled images": (("pairs", "domains", "classes"), "classes: train/NAME/ for each of them"),
}
# The training data of a kind of folder where no method is named.
_USUAL: dict[Kind, Needs] = {"styles": "images", "pairs": "pairs", "domains": "domains", "classes": "labelled images", "images": "images"}
_READ_AS: dict[Needs, Kind] = {"pairs": "pairs", "domains": "domains", "images": "images", "labelled images": "classes"}


@dataclass(frozen=True)
class Facts:
    """What lies in a folder.

    why: what shows the kind, in words; root, root_b: the keys of `data`
    a, b: the domains; b is None for images of one kind and for classes
    validation: images for validation, of the domain that has fewer
    names: of the classes; styles: files of style pictures
    """

    kind: Kind
    why: str
    root: str
    a: Look
    b: Look | None = None
    root_b: str | None = None
    validation: int = 0
    names: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()

    @property
    def least(self) -> int:
        """Images of the smaller domain."""
        return min(look.images for look in (self.a, self.b) if look)

    @property
    def apart(self) -> int:
        """Images of the smaller domain that can be kept apart from the others: whole volumes of slices."""
        return min(look.volumes or look.images for look in (self.a, self.b) if look)

    @property
    def side(self) -> int:
        """The shorter side of the smaller domain's middle image, in pixels."""
        return min(side for look in (self.a, self.b) if look for side in (look.width, look.height))


@dataclass(frozen=True)
class _Found:
    """A kind of folder, what shows it, the folder of the images or of domain A, that of domain B, and style pictures."""

    kind: Kind
    why: str
    root: Path
    root_b: Path | None = None
    styles: tuple[str, ...] = ()


def facts_of(
    folder: str,
    needs: Needs | None = None,
    method: str = "",
    root_b: str | None = None,
    measured: Collection[str] = (),
    slices: Mapping[str, int] | None = None,
) -> Facts:
    """Look at a folder. needs: of the method that the user has named, `method`; None: the folder shows what can be trained

    root_b: `data.root_b`, if the user gave it; measured: the domains, "a" or "b", whose files the user calls measurements
    slices: domain -> its key `slices`, if the user gave it; volumes are cut by 1 without it
    `UserError` in one line for a folder that holds nothing that can be trained, or not what the method needs.
    """
    root = Path(folder)
    found = _Found("domains", "data.root_b is given", root, Path(root_b)) if root_b is not None else _recognised(root)
    kind = found.kind
    if needs:
        fitting, words = FITTING[needs]
        if kind not in fitting:
            raise UserError(f"{shown(folder)}: {found.why}, and {method} needs {words} (layouts: data/README.md)")
        kind = kind if kind == "styles" else _READ_AS[needs]
    needs = needs or _USUAL[kind]
    config = DataConfig(root=str(found.root), root_b=str(found.root_b) if found.root_b and needs == "domains" else None)
    training, validation = find_source(config, "train", needs), find_source(config, "val", needs)
    assert training is not None, "a set without training images is a UserError"
    if kind != "styles":  # VGG sees RGB
        training, validation = (source and by_slices(source, slices or {}) for source in (training, validation))
    assert training is not None
    return Facts(
        kind,
        found.why,
        config.root,
        look_of(training, "a", "a" in measured),
        look_of(training, "b", "b" in measured) if "b" in training.domains and kind != "styles" else None,
        str(found.root_b) if found.root_b else None,
        min(len(validation.a), len(validation.b)) if validation else 0,
        tuple(training.classes),
        found.styles,
    )


def _recognised(root: Path) -> _Found:
    """The kind of a folder. `UserError` if it is none, or could be several."""
    inside, train = subfolders(root), root / "train"
    domains = any((root / name).is_dir() for name in ("trainA", "trainB"))
    style = next((root / name for name in STYLE_FOLDERS if holds_pictures(root / name)), None)
    if style and not all((root / name).is_dir() for name in ("trainA", "trainB")):
        return _with_styles(root, style, [name for name in inside if root / name != style and _images(root / name)])
    classes = [] if domains or holds_pictures(train) else [name for name in subfolders(train) if _images(train / name)]
    if len(classes) > 1 and not {"A", "B"} & {*classes}:
        return _Found("classes", f"train/ holds a folder of images for each of {len(classes)} classes", root)
    try:
        layout = resolve_layout(root, "auto", paired=True)
    except UserError as mistake:
        return _plain(root, inside, mistake)
    if layout == "parquet":
        raise UserError(f"{root}: holds Parquet tables, which are not looked into; train on them by --config RECIPE data.root={root}")
    if layout == "aligned":
        return _in_train(root)
    survey = survey_split(root, "auto", "train", paired=True)
    if survey.no_pairs or survey.source is None:
        return _Found("domains", "the names in the folders of A and B differ", root)
    if apart := _unequal(survey.source):
        return _Found("domains", f"the names in the folders of A and B agree, but not the sizes ({apart})", root)
    return _Found("pairs", f"the names in {survey.source.places()} agree", root)


def _with_styles(root: Path, style: Path, others: Sequence[str]) -> _Found:
    """A folder of style pictures beside photographs: those of trainA/ or train/, else of the one other folder."""
    own = [name for name in ("trainA", "train") if name in others]
    if not own and len(others) != 1:
        raise UserError(
            f"{root}: holds {style.name}/ and {len(others)} other folders of images; put the photographs that get the styles into one "
            "folder beside it, such as photos/"
        )
    photos = root if own else root / others[0]
    names = tuple(str(style / name) for name in ImageTree(root, style.name, Listing(), Problems()).names())
    why = f"style pictures lie in {style.name}/, photographs in {(own or others)[0]}/"
    return _Found("styles", why, photos, style, names)


def _plain(root: Path, inside: Sequence[str], mistake: UserError) -> _Found:
    """A folder without the names of a layout. mistake: what `resolve_layout` says of it"""
    if near := nearby(root):
        raise UserError(f"{root}: is no data set, but {near}")
    if holds_pictures(root) or (subfolders(root / "train") and _images(root / "train")):
        return _Found("images", "it holds images of one kind", root)
    folders = [name for name in inside if _images(root / name)]
    named = ", ".join(f"{shown(name)}/" for name in folders[:_MENTIONED]) + (", ..." if len(folders) > _MENTIONED else "")
    if len(folders) > 2:
        raise UserError(f"{root}: holds the folders {named}; if they are classes, put them into {root}/train/ (layouts: data/README.md)")
    if len(folders) == 2:
        a, b = ({*_stems(root, name)} for name in folders)
        if len(a & b) * 2 > min(len(a), len(b)):
            raise UserError(f"{root}: the names in {named} agree; if they are pairs, call the folders trainA/ (the inputs) and trainB/")
        why = f"it holds two folders of images: A is {shown(folders[0])}/, B is {shown(folders[1])}/"
        return _Found("domains", why, root / folders[0], root / folders[1])
    if folders:
        return _Found("images", f"it holds images of one kind, in {folders[0]}/", root)
    if any((root / name).is_dir() for name in ("train", "val", "test")):
        raise mistake
    raise UserError(f"{root}: holds no image; check the path")


def _in_train(root: Path) -> _Found:
    """Images in train/: side by side if they are twice as wide as high."""
    source = survey_split(root, "aligned", "train", paired=True).source
    headers = [header_of(source.image("a", place)) for place in spread(len(source.a), LOOKED_AT)] if source else []
    if headers and all(header.width == 2 * header.height for header in headers):
        return _Found("pairs", "the files in train/ are twice as wide as high: A and B side by side", root)
    return _Found("images", "train/ holds images of one kind", root)


def _unequal(source: Source) -> str:
    """How the sizes of most of the pairs differ, in words; empty if they do not."""
    found: list[str] = []
    places = spread(len(source.a), LOOKED_AT)
    for place in places:
        headers = [(source.name(domain, place), header_of(source.image(domain, place))) for domain in "ab"]
        a, b = (Shape(name, header.width, header.height, header.orientation) for name, header in headers)
        if mismatch(a, b):
            found.append(f"{a.name} is {a.width} x {a.height}, its partner {b.width} x {b.height}")
    return found[0] if 2 * len(found) > len(places) else ""


def _images(folder: Path) -> bool:
    """Does a folder hold an image, or one of the folders below it?"""
    return folder.is_dir() and any(True for _ in ImageTree(folder, "", Listing(), Problems()).names())


def _stems(root: Path, name: str) -> list[str]:
    return [stem(image) for image in ImageTree(root, name, Listing(), Problems()).names()]
