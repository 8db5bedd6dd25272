"""The fixed networks behind FID, KID, LPIPS and the structure distance: named, or from a file of weights that tells which it is."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from torch import Tensor, nn

from gan_style.errors import UserError
from gan_style.files.looking import only_missed
from gan_style.networks.pretrained.alexnet import AlexNetFeatures
from gan_style.networks.pretrained.inception import InceptionFeatures
from gan_style.networks.pretrained.vgg import VGGFeatures
from gan_style.networks.pretrained.vit import ViTFeatures
from gan_style.networks.pretrained.weights import kept_file, read_weights, torchvision_file, verified

INCEPTION_FILE = "pt_inception-2015-12-05-6726825d.pth"  # as pytorch-fid calls and keeps it
ALEXNET_FILE = "alexnet-owt-7be5be79.pth"  # torchvision's
VGG_LAYER = "relu5_3"  # of VGG-16 and VGG-19 alike, where a VGG gives a vector
STRUCTURE_LAYER = "relu4_1"
RANDOM = "take `random` to compare runs with each other only"

Family = Literal["inception", "vgg16", "vgg19", "alexnet", "vit"]


class Described(nn.Module):
    """A network under one signature, and what tables and messages call it."""

    def __init__(self, network: nn.Module, words: str, run: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.network, self.words, self.run = network, words, run

    def forward(self, images: Tensor) -> Tensor:
        """images [B, 1 to 4, H, W] in [-1, 1]: gray is repeated, alpha left out."""
        return self.run(rgb(images))


def feature_network(choice: str, key: str) -> Described:
    """Images -> one vector each, [B, D], for FID and KID.

    choice: `inception`: FID's own network, from the file where pytorch-fid keeps it; `random`: a VGG-16 with random weights (as in
    2002.09797); or a file of Inception v3, VGG-16, VGG-19 or DINO's vision transformer.
    key: what messages call the choice
    """
    if choice == "random":
        return _vgg_vector("vgg16", "random", "VGG-16 with random weights")
    path = Path(choice)
    if choice == "inception":
        path = kept_file(INCEPTION_FILE)
        if not path.exists():
            raise UserError(
                f"{key}: the weights of FID's Inception are missing: put pytorch-fid's {path.name} into {path.parent}, or give its path; "
                f"or {RANDOM}"
            )
        verified(path, "delete it, and fetch it again")
    stored = read_weights(path, "feature network", f"give a .pth or .safetensors file as {key}, or {RANDOM}")
    family = _family(stored, path, key)
    if family == "inception":
        inception = InceptionFeatures.load(stored, path)
        return Described(inception, f"Inception v3, {path.name}", inception)
    if family == "vit":
        vit = ViTFeatures.load(stored, path)
        return Described(vit, f"vision transformer, {path.name}", lambda images: vit(images)[0])
    if family == "alexnet":
        raise UserError(f"{key}: {path} holds AlexNet, which gives LPIPS alone; give Inception v3, a VGG or DINO's vision transformer")
    return _vgg_vector(family, str(path), f"{family}, {path.name}")


def structure_network(choice: str, key: str) -> Described:
    """Images -> features of places, [B, N, C], whose similarities are an image's structure.

    choice: `imagenet`: VGG-16 relu4_1; `random`: the same with random weights; or a file of VGG-16, VGG-19 or DINO's vision transformer, of
    which the last block's keys are taken.
    """
    if choice in ("imagenet", "random"):
        return _vgg_places("vgg16", choice, f"VGG-16 {STRUCTURE_LAYER}, {choice} weights")
    path = Path(choice)
    stored = read_weights(path, "feature network", f"give a .pth or .safetensors file as {key}, or `imagenet` or `random`")
    family = _family(stored, path, key)
    if family == "vit":
        vit = ViTFeatures.load(stored, path)
        return Described(vit, f"vision transformer keys, {path.name}", lambda images: vit(images)[1])
    if family in ("inception", "alexnet"):
        raise UserError(f"{key}: {path} holds {family}, which is of no use there; give a VGG or DINO's vision transformer")
    return _vgg_places(family, str(path), f"{family} {STRUCTURE_LAYER}, {path.name}")


def lpips_network(choice: str, key: str) -> tuple[nn.Module, Sequence[str], str, str]:
    """(images -> {layer: features}, the layers, whose linear weights belong to it, what tables call it) for LPIPS.

    choice: `alex` or `vgg`: torchvision's weights; `random`: VGG-16 with random ones; or a file of AlexNet or VGG-16.
    """
    otherwise = f"give its path as {key}, or {RANDOM}"
    if choice == "alex" and only_missed(kept_file(ALEXNET_FILE)):
        choice = "random"
    if choice in ("vgg", "random"):
        return _lpips_vgg("imagenet" if choice == "vgg" else "random", f"VGG-16, {choice if choice == 'random' else 'ImageNet'} weights")
    path = torchvision_file(ALEXNET_FILE, "AlexNet", otherwise) if choice == "alex" else Path(choice)
    stored = read_weights(path, "LPIPS", f"give a .pth or .safetensors file of AlexNet or VGG-16, `alex`, `vgg` or `random` as {key}")
    family = _family(stored, path, key)
    if family == "alexnet":
        return AlexNetFeatures(stored, path), ("relu1", "relu2", "relu3", "relu4", "relu5"), "alex", f"AlexNet, {path.name}"
    if family != "vgg16":
        raise UserError(f"{key}: {path} holds {family}; LPIPS was made for AlexNet and VGG-16")
    return _lpips_vgg(str(path), f"VGG-16, {path.name}")


def rgb(images: Tensor) -> Tensor:
    """[B, 1 to 4, H, W] -> [B, 3, H, W]."""
    return images[:, :1].expand(-1, 3, -1, -1) if images.shape[1] < 3 else images[:, :3]


def _vgg_vector(name: str, weights: str, words: str) -> Described:
    vgg = VGGFeatures(name, [VGG_LAYER], weights)
    return Described(vgg, f"{words}, mean of {VGG_LAYER}", lambda images: vgg(images)[VGG_LAYER].mean(dim=(2, 3)))


def _vgg_places(name: str, weights: str, words: str) -> Described:
    vgg = VGGFeatures(name, [STRUCTURE_LAYER], weights)
    return Described(vgg, words, lambda images: vgg(images)[STRUCTURE_LAYER].flatten(2).transpose(1, 2))


def _lpips_vgg(weights: str, words: str) -> tuple[nn.Module, Sequence[str], str, str]:
    layers = ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3")
    return VGGFeatures("vgg16", layers, weights), layers, "vgg", words


def _family(stored: Mapping[str, Tensor], path: Path, key: str) -> Family:
    """Whose weights these are, by their names; each network then checks all of them."""
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
    raise UserError(f"{key}: {path} holds no network known here (Inception v3, VGG-16, VGG-19, AlexNet, DINO's vision transformers)")
