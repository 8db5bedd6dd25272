"""The fixed networks that compute the features of FID, KID and the structure distance.

A choice is a name or a file of weights. The names of the tensors in a file tell the network.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from gan_style.errors import UserError
from gan_style.networks.pretrained.inception import InceptionFeatures
from gan_style.networks.pretrained.normalisation import to_rgb
from gan_style.networks.pretrained.vgg import BLOCKS, VGGFeatures
from gan_style.networks.pretrained.vit import ViTFeatures
from gan_style.networks.pretrained.weights import kept_file, read_weights, verified

INCEPTION_FILE = "pt_inception-2015-12-05-6726825d.pth"  # as pytorch-fid calls and keeps it
DIRECTIONS = "mean directions"  # the features of a VGG for FID and KID, in words
STRUCTURE_LAYER = "relu4_1"
RANDOM = "take `random` to compare runs with each other only"

Family = Literal["inception", "vgg16", "vgg19", "alexnet", "vit"]


class Described(nn.Module):
    """A feature network and its description.

    words: the description in tables and messages; run: images [B, 3, H, W] in [-1, 1] -> features
    """

    def __init__(self, network: nn.Module, words: str, run: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.network, self.words, self.run = network, words, run

    def forward(self, images: Tensor) -> Tensor:
        """images [B, 1 to 4, H, W] in [-1, 1] -> features. Gray is repeated to three channels. Alpha is dropped."""
        return self.run(to_rgb(images))


def feature_network(choice: str, key: str) -> Described:
    """Load the network of FID and KID: images -> one vector each, [B, D].

    choice: `inception`: Inception v3 from pytorch-fid's file; `random`: VGG-16 with random weights (as in 2002.09797); or the path of
    a file with Inception v3, VGG-16, VGG-19 or DINO's vision transformer
    key: the option or key of the choice, for messages
    `UserError` if the file is missing or holds another network.
    """
    if choice == "random":
        return _vgg_vector("vgg16", "random", "VGG-16 with random weights")
    path = Path(choice)
    if choice == "inception":
        path = kept_file(INCEPTION_FILE)
        if not path.exists():
            raise UserError(
                f"{key}: the weights of FID's Inception are missing: put pytorch-fid's {path.name} into {path.parent}, or give its path "
                f"or that of a VGG-16; or {RANDOM}"
            )
        verified(path, "delete it, and fetch it again")
    stored = read_weights(path, "feature network", f"give a .pth or .safetensors file as {key}, or {RANDOM}")
    family = family_of(stored, path, key)
    if family == "inception":
        inception = InceptionFeatures.load(stored, path)
        return Described(inception, f"Inception v3, {path.name}", inception)
    if family == "vit":
        vit = ViTFeatures.load(stored, path)
        return Described(vit, f"vision transformer, {path.name}", lambda images: vit(images)[0])
    if family == "alexnet":
        raise UserError(f"{key}: {path} holds AlexNet, which serves LPIPS alone; give Inception v3, a VGG or DINO's vision transformer")
    return _vgg_vector(family, str(path), f"{family}, {path.name}")


def structure_network(choice: str, key: str) -> Described:
    """Load the network of the structure distance: images -> features [B, N, C] of N positions.

    choice: `imagenet`: layer relu4_1 of VGG-16; `random`: the same with random weights; or the path of a file with VGG-16, VGG-19 or
    DINO's vision transformer, whose features are the keys of its last block
    key: the option or key of the choice, for messages
    `UserError` if the file is missing or holds another network.
    """
    if choice in ("imagenet", "random"):
        return _vgg_places("vgg16", choice, f"VGG-16 {STRUCTURE_LAYER}, {choice} weights")
    path = Path(choice)
    stored = read_weights(path, "feature network", f"give a .pth or .safetensors file as {key}, or `imagenet` or `random`")
    family = family_of(stored, path, key)
    if family == "vit":
        vit = ViTFeatures.load(stored, path)
        return Described(vit, f"vision transformer keys, {path.name}", lambda images: vit(images)[1])
    if family in ("inception", "alexnet"):
        raise UserError(f"{key}: {path} holds {family}, which gives no structure; give a VGG or DINO's vision transformer")
    return _vgg_places(family, str(path), f"{family} {STRUCTURE_LAYER}, {path.name}")


def _vgg_vector(name: str, weights: str, words: str) -> Described:
    last = [f"relu{block}_{count}" for block, (_, count) in enumerate(BLOCKS[name], start=1)]
    vgg = VGGFeatures(name, last, weights)

    def run(images: Tensor) -> Tensor:
        found = vgg(images)
        return mean_directions([found[layer] for layer in last])

    return Described(vgg, f"{words}, {DIRECTIONS} of {len(last)} layers", run)


def mean_directions(maps: Sequence[Tensor]) -> Tensor:
    """The mean over the positions of the features' directions, layer beside layer: maps [B, C, H, W] -> [B, D], D the sum of their C.

    At each position the C features of a layer are scaled to length 1, as LPIPS does (1801.03924, section 3), so that no layer and no
    strong edge outweighs the others; features 0 remain 0. A common factor gives the D features of a position the mean square 1, as the
    kernel of KID, (x.y / D + 1)^3, expects.
    """
    means: list[Tensor] = []
    for features in maps:
        scales = torch.linalg.vector_norm(features, dim=1).clamp_min(1e-10).reciprocal()  # [B, H, W]
        means.append(torch.einsum("bchw,bhw->bc", features, scales) / scales[0].numel())
    together = torch.cat(means, dim=1)
    return together * (together.shape[1] / len(maps)) ** 0.5


def _vgg_places(name: str, weights: str, words: str) -> Described:
    vgg = VGGFeatures(name, [STRUCTURE_LAYER], weights)
    return Described(vgg, words, lambda images: vgg(images)[STRUCTURE_LAYER].flatten(2).transpose(1, 2))


def family_of(stored: Mapping[str, Tensor], path: Path, key: str) -> Family:
    """Recognise the network of `stored` by the names of its tensors. Its loader checks all of them. `UserError` if it is unknown."""
    if "Mixed_7c.branch_pool.conv.weight" in stored:
        return "inception"
    if "patch_embed.proj.weight" in stored:
        return "vit"
    first = stored.get("features.0.weight")
    if first is not None and first.shape[2:] == (11, 11):
        return "alexnet"
    convolutions = sum(name.endswith(".weight") and name.startswith(("features.", "conv")) for name in stored)
    if convolutions in (13, 16):
        return "vgg16" if convolutions == 13 else "vgg19"
    raise UserError(
        f"{key}: {path} holds none of the known networks; give Inception v3, VGG-16, VGG-19, AlexNet or DINO's vision transformer"
    )
