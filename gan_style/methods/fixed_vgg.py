"""The fixed VGG of a method: its keys, and the network with its normalised filters, whose factors the run keeps."""

from itertools import islice
from typing import Literal

from pydantic import Field

from gan_style.config.schema import Place, Section
from gan_style.networks.pretrained.activations import mean_activations, normalise_activations
from gan_style.networks.pretrained.normalisation import to_rgb
from gan_style.networks.pretrained.vgg import VGGFeatures
from gan_style.types import Task

KEY = "method.vgg.normalised"
IMAGES = 32  # of the training set, that are measured: enough that a mean activation varies by a few hundredths


class VGGConfig(Section):
    """The fixed network."""

    name: Literal["vgg16", "vgg19"] = Field(default="vgg19", description="Which VGG network (1409.1556).")
    weights: Place = Field(
        default="imagenet",
        min_length=1,
        description="Weights of the VGG: `imagenet` (torchvision's, downloaded once), a .pth or .safetensors file, or `random` (drawn "
        "from a fixed seed: enough for textures and tests, not for recognising content).",
    )
    pooling: Literal["max", "avg"] = Field(
        default="max", description="Pooling layers: `max` as in training, or `avg`, which gives smoother results (1508.06576, section 2)."
    )
    normalised: bool = Field(
        default=False,
        description="Scale each filter so that its mean activation over the first 32 training images is 1 (1508.06576, section 2). Then "
        "one set of layers and weights of losses fits all weights of VGGs. Checkpoints keep the factors.",
    )


def normalise(vgg: VGGFeatures, config: VGGConfig, task: Task, domain: str) -> VGGFeatures:
    """`vgg`, with its filters scaled in place if the configuration wants it. domain: of the training images; 'b' falls back to 'a'

    A run that began without the key goes on with the filters as they were.
    """
    if not config.normalised:
        return vgg
    means = task.kept.get(KEY)
    if means is None and task.kept.earlier is None:
        batches = (batch.images.get(domain, batch.a) for batch in islice(task.samples(), IMAGES))
        means = mean_activations(vgg, (to_rgb(images) for images in batches))
    if means is not None:
        task.kept.keep(KEY, means)
        normalise_activations(vgg, means)
    return vgg
