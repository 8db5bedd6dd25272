"""torchvision's Inception v3 (Szegedy et al., 2015, arXiv 1512.00567) up to its last pooling, as FID's feature network.

Two variants share names and shapes. FID was defined with the TensorFlow graph of 2015-12-05 (Heusel et al., 2017, arXiv 1706.08500). Its
average poolings do not count their padding, and its last block pools by maximum.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_style.networks.pretrained.weights import fitting

SIDE = 299  # pixels of the square images that Inception was trained on
CLASSES_OF_FID = 1008  # of the TensorFlow graph's classifier; torchvision's has 1000


class InceptionFeatures(nn.Module):
    """Images [B, 3, H, W] in [-1, 1], of any size -> features [B, 2048] of the last pooling. Frozen, never trained.

    of_fid: the TensorFlow graph's variant, else torchvision's. None of the weights is initialised.
    The network scales images to 299 x 299 bilinearly without antialiasing, as pytorch-fid does.
    """

    def __init__(self, of_fid: bool) -> None:
        super().__init__()
        from torchvision.models import inception_v3

        with torch.device("meta"):
            network = inception_v3(weights=None, aux_logits=False, init_weights=False)
        network.register_module("fc", nn.Identity())
        if of_fid:
            for name in ("Mixed_5b", "Mixed_5c", "Mixed_5d", "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e", "Mixed_7b", "Mixed_7c"):
                network.get_submodule(name).register_forward_hook(_pool_by_maximum if name == "Mixed_7c" else _pool_without_padding)
        self.network = network.to_empty(device="cpu").eval().requires_grad_(False)

    @classmethod
    def load(cls, stored: Mapping[str, Tensor], path: Path) -> "InceptionFeatures":
        """The network of a state dict with torchvision's names; the size of its classifier tells the variant.

        path: what messages call it
        """
        classifier = stored.get("fc.weight")
        features = cls(of_fid=classifier is not None and classifier.shape[:1] == (CLASSES_OF_FID,))
        expected = {key: value for key, value in features.network.state_dict().items() if value.is_floating_point()}
        features.network.load_state_dict(fitting(stored, expected, f"{path}: not the weights of Inception v3"), strict=False)
        return features

    def forward(self, images: Tensor) -> Tensor:
        return self.network(F.interpolate(images, size=(SIDE, SIDE), mode="bilinear", align_corners=False))


def _pool_without_padding(block: nn.Module, inputs: tuple[Tensor], joined: Tensor) -> Tensor:
    return _repooled(block, F.avg_pool2d(inputs[0], 3, stride=1, padding=1, count_include_pad=False), joined)


def _pool_by_maximum(block: nn.Module, inputs: tuple[Tensor], joined: Tensor) -> Tensor:
    return _repooled(block, F.max_pool2d(inputs[0], 3, stride=1, padding=1), joined)


def _repooled(block: nn.Module, pooled: Tensor, joined: Tensor) -> Tensor:
    """What a block joins along the channels, with another pooling. torchvision puts the branch that pools last."""
    last = block.get_submodule("branch_pool")(pooled)
    return torch.cat([joined[:, : -last.shape[1]], last], dim=1)
