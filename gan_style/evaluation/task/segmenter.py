"""A trained segmenter and its file: one safetensors file with the network's weights and all that is needed to use it."""

from pathlib import Path
from typing import Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from gan_style.bundles.file import Resize, opened, tensors_of
from gan_style.errors import UserError, wrong_value
from gan_style.evaluation.task.network import SegmentationNet
from gan_style.files.atomic import check_writable, replacing
from gan_style.label_maps.classes import MAX_CLASSES, Classes, Colour
from gan_style.machine.memory import room_for
from gan_style.networks.pretrained.normalisation import to_rgb
from gan_style.networks.uninitialised import uninitialised

METADATA_KEY = "gan_style_segmenter"


class SegmenterInfo(BaseModel):
    """The metadata of a segmenter's file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    colours: tuple[Colour, ...] = Field(min_length=2, max_length=MAX_CLASSES)
    labels: Literal["yes", "nearest"] = "yes"  # the setting by which training label maps were read
    ignored: tuple[Colour, ...] = Field(default=(), max_length=MAX_CLASSES)
    base_channels: int = Field(default=16, ge=8, le=256, multiple_of=8)
    num_downs: int = Field(default=4, ge=1, le=8)
    resize: Resize  # the size of its training images, to which other images must be resized
    steps: int = Field(ge=1)


class Segmenter:
    """A function from images to classes."""

    def __init__(self, info: SegmenterInfo, network: SegmentationNet) -> None:
        self.info, self.network = info, network.eval().requires_grad_(False)
        self.classes = Classes(info.colours, info.ignored)

    @torch.no_grad()
    def __call__(self, image: Tensor) -> np.ndarray:
        """Classes [H, W] int16 of an image [C, H, W] in [-1, 1]."""
        place = self.network.last.weight
        height, width = image.shape[-2:]
        said = f"{place.device.type} has no memory to segment {width} x {height} pixels"
        with room_for(said, "take another --device, or a segmenter of smaller pictures"):
            scores = self.network(to_rgb(image[None].to(place)))[0]
            return scores.argmax(dim=0).to("cpu", torch.int16).numpy()


def make_network(info: SegmenterInfo) -> SegmentationNet:
    """The network that `info` describes, initialised from torch's global generator."""
    return SegmentationNet(len(info.colours), info.base_channels, info.num_downs)


def save_segmenter(path: Path, segmenter: Segmenter) -> None:
    """Write a segmenter atomically. `UserError` if the disk refuses."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in segmenter.network.state_dict().items()}
    try:
        with replacing(path) as temporary:
            save_file(tensors, temporary, metadata={METADATA_KEY: segmenter.info.model_dump_json()})
    except (OSError, SafetensorError) as refusal:
        raise _unwritable(path, refusal) from None


def check_place(path: Path) -> None:
    """`UserError` if `save_segmenter` could not write to `path`. Called before training, which takes minutes."""
    try:
        check_writable(path)
    except OSError as refusal:
        raise _unwritable(path, refusal) from None


def load_segmenter(path: Path, device: torch.device) -> Segmenter:
    """Read a file that `save_segmenter` wrote. `UserError` names what is wrong with any other file."""
    try:
        with opened(path, METADATA_KEY) as (file, metadata):
            info = SegmenterInfo.model_validate(metadata)
            weights = tensors_of(file)
        with torch.device("meta"):
            expected = {name: tensor.shape for name, tensor in make_network(info).state_dict().items()}
        if expected != {name: tensor.shape for name, tensor in weights.items()}:
            raise UserError(f"--segmenter {path}: its weights do not fit the network that its metadata describes; train it again")
    except KeyError:
        message = f"--segmenter {path}: a safetensors file, but no segmenter; give one, or a name that does not exist yet"
        raise UserError(message) from None
    except ValidationError as mistakes:
        first = mistakes.errors()[0]
        what = f"{'.'.join(map(str, first['loc']))}: {wrong_value(dict(first))}"
        raise UserError(
            f"--segmenter {path}: its metadata is damaged ({what}); give the whole file, or a name that does not exist yet"
        ) from None
    except OSError as problem:
        raise UserError(f"--segmenter {path}: cannot be read ({problem.strerror or problem}); check the path") from None
    except (SafetensorError, ValueError, RecursionError) as problem:
        raise UserError(f"--segmenter {path}: no segmenter ({problem}); give one, or a name that does not exist yet") from None
    network = uninitialised(lambda: make_network(info))
    network.load_state_dict(weights)
    return Segmenter(info, network.to(device))


def _unwritable(path: Path, refusal: Exception) -> UserError:
    return UserError(f"--segmenter {path}: cannot be written ({getattr(refusal, 'strerror', None) or refusal}); choose another place")
