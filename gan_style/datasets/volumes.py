"""The slices of volumes as training images."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gan_style.config.data import DataConfig
from gan_style.datasets.keys import Keys
from gan_style.datasets.spread import spread
from gan_style.datasets.survey import SLICE, Source, TwoFolders
from gan_style.errors import UserError
from gan_style.files import images
from gan_style.files.several import Several
from gan_style.files.tiff_metadata import Affine
from gan_style.files.volumes import Neighbours, Volume, is_volume, lie_elsewhere
from gan_style.terminal.progress import Progress

_LOOKED_AT = 16  # files of a source, evenly spread
_SPACING = 0.05  # share by which the distances of slices may differ between volumes


@dataclass(frozen=True)
class _Shape:
    """A volume: its name, slices and affine or None."""

    name: str
    slices: int
    affine: Affine | None

    @property
    def spacing(self) -> float | None:
        """The distance of two slices in millimetres; None if the file does not say."""
        distance = 0.0 if self.affine is None else float(np.linalg.norm(np.array(self.affine)[:3, 2]))
        return distance or None


def slices_of(config: DataConfig, domain: str) -> int | None:
    """The neighbouring slices of each image of a domain; None if its images are no slices. Slices of one domain are slices of both."""
    own, other = config.domain_a.slices, config.domain_b.slices
    own, other = (own, other) if domain == "a" else (other, own)
    return own or (1 if other else None)


def with_slices(source: Source, config: DataConfig) -> Source:
    """The source whose images are the slices of its volumes, if the domains have `slices`. Each volume's header is read.

    `UserError` names volumes that do not fit together: of a pair, in their slices or their place; of a domain with neighbours, in the
    distance of their slices.
    """
    counts = {domain: count for domain in source.domains if (count := slices_of(config, domain))}
    if not counts:
        return source
    _check_layout(source)
    return _sliced(source, counts)


def by_slices(source: Source, wanted: Mapping[str, int]) -> Source:
    """The source, of which each slice is an image if it holds volumes, as some of its files show.

    wanted: domain -> the neighbouring slices of each image, where the user set them; else 1. `UserError` as of `with_slices`.
    """
    looked = (source.files("a", place)[0] for place in spread(len(source.a), _LOOKED_AT))
    if not wanted and not any(isinstance(path, Path) and is_volume(path) for path in looked):
        return source
    _check_layout(source)
    return _sliced(source, {domain: wanted.get(domain, 1) for domain in source.domains})


def _check_layout(source: Source) -> None:
    if source.layout in ("aligned", "parquet") or isinstance(source, TwoFolders):
        raise UserError(
            f"{source.root}: is read as {source.layout}, which holds no volumes; put volumes into trainA/ and trainB/, or leave the "
            "domains' slices out"
        )


def volume_problems(source: Source) -> tuple[list[str], list[str]]:
    """(problems, warnings) of a source whose images are volumes: the first that does not fit its partner, or has other distances."""
    problems, warnings = list[str](), list[str]()
    for count, found in ((1, problems), (3, warnings)):
        try:
            if not problems:
                _sliced(source, dict.fromkeys(source.domains, count))
        except UserError as mistake:
            found.append(str(mistake))
    return problems, warnings


def _sliced(source: Source, counts: Mapping[str, int]) -> Source:
    shapes = {domain: list(_shapes(source, domain, count)) for domain, count in counts.items() if domain == "a" or source.b is not source.a}
    if source.paired:
        for a, b in zip(shapes["a"], shapes["b"], strict=True):
            _check_pair(a, b)

    def keys(volumes: Sequence[str], domain: str) -> Keys:
        each = zip(volumes, shapes[domain], strict=True)
        return Keys.of(f"{key}{SLICE}{depth}" for key, shape in each for depth in range(shape.slices))

    for domain in source.masks if not source.paired else ("a",) if source.masks else ():
        for key, shape in zip(source.masks[domain], shapes[domain], strict=True):
            _check_pair(_shape(source.path(key)), shape)
    own, masks = keys(source.a, "a"), {domain: keys(of_it, domain) for domain, of_it in source.masks.items()}
    return replace(source, a=own, b=own if source.b is source.a else keys(source.b, "b"), masks=masks, slices=counts)


def _shapes(source: Source, domain: str, count: int) -> Iterator[_Shape]:
    """The volumes of a domain. With neighbours their slices must have one distance."""
    first: _Shape | None = None
    with Progress("looking at the volumes", "volumes", len(source.keys(domain)), brief=True) as progress:
        for index in range(len(source.keys(domain))):
            image = source.image(domain, index)
            assert not isinstance(image, images.Encoded | Neighbours)
            shape = _shape(image)
            if count > 1 and shape.spacing:
                first = first or shape
                if abs(shape.spacing / (first.spacing or shape.spacing) - 1) > _SPACING:
                    raise UserError(
                        f"{shape.name}: its slices are {shape.spacing:.3g} mm apart, those of {first.name} {first.spacing:.3g} mm, and "
                        f"neighbours need one distance; resample it, remove it, or set data.domain_{domain}.slices=1"
                    )
            yield shape
            progress.update()


def _shape(path: Path | Several) -> _Shape:
    with Volume(path) as volume:
        return _Shape(str(path), volume.slices, volume.metadata.affine)


def _check_pair(a: _Shape, b: _Shape) -> None:
    if a.slices != b.slices:
        raise UserError(f"{a.name}: has {a.slices} slices, its partner {b.name} {b.slices}; resample one of them onto the other")
    if lie_elsewhere(a.affine, b.affine):
        raise UserError(f"{a.name}: its voxels lie elsewhere than those of its partner {b.name}; resample one of them onto the other")
