"""A bundle as a function from images to images."""

import copy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gan_style.bundles.exported import ExportInfo
from gan_style.bundles.file import BundleInfo, about, digest, load_bundle
from gan_style.conditions import AnyCondition, Exemplar, Label, Mix, Noise
from gan_style.errors import UserError
from gan_style.files.bounded import TooLarge
from gan_style.machine.compilation import compiled
from gan_style.machine.device import Precision, check_precision, choose_device
from gan_style.machine.memory import room_for
from gan_style.methods import METHODS
from gan_style.methods.serving import serving_network
from gan_style.methods.trained import check_weights, translator_config
from gan_style.networks.half import in_half, with_fixed_weights
from gan_style.networks.layers.padding import missing
from gan_style.terminal.counted import counted
from gan_style.tiling.frozen import with_table
from gan_style.tiling.tiled import Tiling, by_regions
from gan_style.translation.given import check_noise, check_pictures
from gan_style.translation.onnx_network import OnnxNetwork, device_for, is_exported
from gan_style.types import to_floats

MAX_PADDED = 2**24  # largest number of pixels after padding; the deepest network pads even the smallest picture to this
HALF: dict[str, torch.dtype] = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Predictor:
    """Translates images. Make one with `Predictor.load(bundle)`.

    info: the bundle's metadata; condition: of the network; tiling: how images that are too large at once are translated by regions
    """

    def __init__(self, info: BundleInfo, condition: AnyCondition, network: nn.Module, device: torch.device, precision: Precision) -> None:
        self.info, self.condition, self.network, self.device, self.precision = info, condition, network, device, precision
        self.tiling = Tiling()

    @classmethod
    def load(
        cls, path: Path | str, device: str = "auto", precision: Precision = "fp32", compile: bool = False, statistics: Path | None = None
    ) -> "Predictor":
        """Load the translator of a bundle, or of an ONNX file of `gan-style export`. `UserError` if it is damaged or inconsistent.

        device: auto, cpu, cuda or mps
        precision: the type in which convolutions and linear layers compute, with their weights cast once
        compile: run the network by torch.compile, see `machine.compilation.compiled`; each size of pictures is compiled at its first one
        statistics: a file that `infer --save-statistics` wrote, which normalises in place of each image's own statistics
        """
        path = Path(path)
        if is_exported(path):
            return cls._exported(path, device, precision, compile, statistics)
        place = choose_device(device)
        check_precision(precision, place, "--precision", "fp32")
        info, weights = load_bundle(path)
        if info.method not in METHODS:
            raise UserError(
                f"{path}: made by method {info.method!r}, which this version of gan_style does not know (it knows {', '.join(METHODS)})"
            )
        config = translator_config(path, info, METHODS[info.method])
        check_weights(path, METHODS[info.method], config, info, weights)
        running = info.statistics == "running"
        network = serving_network(info.method, config, info.in_channels, info.out_channels, running).to(place)
        network.load_state_dict(weights)
        network = with_fixed_weights(network)
        condition = METHODS[info.method].takes(config)
        if statistics is not None:
            if isinstance(condition, Noise | Label | Mix | Exemplar):
                raise UserError(f"statistics {statistics}: a bundle of {info.method} takes more than an image; leave it out")
            network = with_table(network, statistics, info.in_channels, digest(path), about(info))
        if precision in HALF:
            network = in_half(network, HALF[precision])
        if compile:
            compiled("on", {"the network": network}, "--compile")
        return cls(info, condition, network, place, precision)

    def running(self, network: nn.Module) -> "Predictor":
        """The same with another network of its kind, which takes pictures whole."""
        twin = copy.copy(self)
        twin.network, twin.tiling = network, Tiling(tile=0)
        return twin

    @classmethod
    def _exported(cls, path: Path, device: str, precision: Precision, compile: bool, statistics: Path | None) -> "Predictor":
        for option, given in (("precision", precision != "fp32"), ("compile", compile), ("statistics", statistics is not None)):
            if given:
                raise UserError(f"--{option}: {path} is an exported network, which has its own; leave it out")
        place = device_for(device)
        network = OnnxNetwork(path, place)
        info = network.info
        if info.bundle.method not in METHODS:
            raise UserError(f"{path}: made by method {info.bundle.method!r}, which this version of gan_style does not know")
        predictor = cls(info.bundle, info.condition, network, place, info.precision)
        predictor.tiling = Tiling(tile=0)  # its layers are not known
        return predictor

    @property
    def exported(self) -> ExportInfo | None:
        """The metadata of an exported network, which onnxruntime runs; None of a bundle's network."""
        return self.network.info if isinstance(self.network, OnnxNetwork) else None

    def encode(self, style: Tensor) -> Tensor:
        """A style picture [1, 3, H, W] in [-1, 1] as `features` of `translate`, for a bundle that takes one."""
        network: Any = self.network
        return network.encode(style.to(self.device))

    def __call__(self, image: Tensor, *condition: Tensor, **style: Any) -> Tensor:
        """Translate images [C, H, W] or [B, C, H, W] in [-1, 1], any H, W >= 1, to float32 of the same size and range, on their device.

        condition, style: the further arguments of the network's `forward` (`gan_style.conditions`)
        `TypeError` or `ValueError` for another tensor (`given.check_pictures`), `OutOfMemory` if the device's memory runs out, `UserError`
        if padding alone would make the image huge.
        """
        if isinstance(self.condition, Noise):
            raise ValueError(f"a bundle of {self.info.method} makes pictures from noise: call from_noise")
        if isinstance(self.condition, Label) and not condition:
            raise ValueError(
                f"a bundle of {self.info.method} needs a label: give condition.of(name)[None] with one of {self.condition.names}"
            )
        check_pictures(image, self.info.in_channels)
        return self.translate(image, *condition, **style)

    @torch.no_grad()
    def translate(self, image: Tensor, *condition: Tensor, **style: Any) -> Tensor:
        """The same for an image from `images.to_tensor`, or for whole pixels (uint8, uint16), without checking its values."""
        batch = image if image.dim() == 4 else image[None]
        self._check_padding(*batch.shape[2:])
        count, _, height, width = batch.shape
        said = f"{self.device.type} has no memory for {counted(count, 'image')} of {width} x {height} pixels"
        less = "take a smaller --batch-size or " if count > 1 else "" if self.exported else "take --precision bf16 or "
        advice = f"{less}translate smaller with --resize N"
        with room_for(said, advice):
            if (tiled := self._by_regions(batch, *condition, **style)) is not None:
                return tiled if image.dim() == 4 else tiled[0]
            beside = (each.to(self.device, torch.float32) for each in condition)
            translated = self.network(to_floats(batch.to(self.device)).float(), *beside, **style)
            translated = translated.to(image.device, torch.float32).clamp(-1.0, 1.0)
        return translated if image.dim() == 4 else translated[0]

    def _by_regions(self, batch: Tensor, *condition: Tensor, **style: Any) -> Tensor | None:
        """The translation of one image that is too large for the memory; None for other images."""
        if len(batch) != 1:
            return None
        given, maps = {**dict(enumerate(condition)), **style}, list[tuple[int | str, Tensor]]()
        for name, value in given.items():
            if isinstance(value, Tensor) and value.shape[2:] == batch.shape[2:]:  # shares of styles at each pixel
                maps.append((name, value))
        beside = {name: value.to(self.device, torch.float32) if isinstance(value, Tensor) else value for name, value in given.items()}

        def network(image: Tensor, *others: Tensor) -> Tensor:
            every = {**beside, **{name: other for (name, _), other in zip(maps, others, strict=True)}}
            named = {name: value for name, value in every.items() if isinstance(name, str)}
            return self.network(image, *(every[place] for place in range(len(condition))), **named)

        found = by_regions(network, [batch, *(value for _, value in maps)], self.device, self.tiling)
        return None if found is None else found.to(batch.device).clamp_(-1.0, 1.0)

    @torch.no_grad()
    def from_noise(self, latents: Tensor) -> Tensor:
        """Images [B, C, size, size] in [-1, 1], float32 on the CPU, from latents [B, Z]; for a bundle that takes noise."""
        if not isinstance(self.condition, Noise):
            raise ValueError(f"a bundle of {self.info.method} translates pictures: call the predictor with one")
        check_noise(latents, self.condition.size)
        said = f"{self.device.type} has no memory to draw {counted(len(latents), 'image')} at once"
        with room_for(said, "take a smaller --batch-size, --precision bf16 or another --device"):
            drawn = self.network(latents.to(self.device, torch.float32))
            return drawn.float().clamp(-1.0, 1.0).cpu()

    def _check_padding(self, height: int, width: int) -> None:
        """`TooLarge` for a ribbon, which padding to multiples of 1024 would enlarge a thousandfold."""
        multiple, least = (int(getattr(self.network, name, 1)) for name in ("size_multiple", "minimum_size"))
        rows, columns = (size + missing(size, multiple, least) for size in (height, width))
        if rows * columns > max(MAX_PADDED, 2 * height * width):
            raise TooLarge(
                f"has {width} x {height} pixels, which the network pads to {columns} x {rows}, more than {MAX_PADDED}; "
                "cut it to another shape, or translate smaller with --resize N"
            )
