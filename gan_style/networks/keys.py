"""Keys that several networks share: type, range and meaning. Each network gives them its own default."""

from typing import Annotated, Literal

from pydantic import Field

NormName = Literal["instance", "batch", "none"]

BaseChannels = Annotated[int, Field(ge=1, le=1024, description="Channels of the first layer; deeper layers have a multiple of it.")]
Norm = Annotated[NormName, Field(description="Normalisation after each convolution; `instance` keeps no running statistics.")]
NumBlocks = Annotated[int, Field(ge=0, le=64, description="Residual blocks.")]
NumDowns = Annotated[int, Field(ge=2, le=12, description="Halvings from the image to the deepest layer.")]
Dropout = Annotated[bool, Field(description="Dropout of 0.5 in the residual blocks.")]
Upsampling = Annotated[
    Literal["deconvolution", "resize-convolution"],
    Field(
        description="`deconvolution` as in the papers, or `resize-convolution`, which leaves no checkerboard "
        "(distill.pub/2016/deconv-checkerboard)."
    ),
]
NumLayers = Annotated[int, Field(ge=1, le=8, description="Strided layers: 3 sees patches of 70 x 70 pixels.")]
BlurredHalving = Annotated[
    bool, Field(description="Blur before each halving (1904.11486): 3 strided layers then see patches of 84 x 84 pixels.")
]
Recomputation = Annotated[
    bool,
    Field(
        description="Compute the residual blocks a second time in the backward instead of keeping what they hold (1604.06174): less "
        "memory, more time, the same result."
    ),
]
