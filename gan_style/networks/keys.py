"""Keys that several networks share: type, range and meaning. Each network gives them its own default."""

from typing import Annotated, Literal

from pydantic import Field

NormName = Literal["instance", "batch", "none"]

BaseChannels = Annotated[int, Field(ge=1, le=1024, description="Channels of the first layer. Deeper layers have a multiple of them.")]
Norm = Annotated[NormName, Field(description="Normalisation after each convolution. `instance` keeps no running statistics.")]
NumBlocks = Annotated[int, Field(ge=0, le=64, description="Residual blocks.")]
NumDowns = Annotated[int, Field(ge=2, le=12, description="Halvings of the size from the image to the deepest layer.")]
Dropout = Annotated[bool, Field(description="Dropout of 0.5 in each residual block.")]
Upsampling = Annotated[
    Literal["deconvolution", "resize-convolution", "bilinear-convolution"],
    Field(
        description="How a layer doubles the size: `deconvolution` as in the papers; `resize-convolution`, which leaves no "
        "checkerboard patterns (distill.pub/2016/deconv-checkerboard); or `bilinear-convolution`, which leaves fewer straight lines."
    ),
]
ResizeMode = Annotated[
    Literal["nearest", "bilinear"],
    Field(
        description="How the size is doubled before a convolution: `nearest` repeats pixels, as in the public implementations; `bilinear` "
        "leaves fewer straight lines."
    ),
]
NumLayers = Annotated[int, Field(ge=1, le=8, description="Layers with stride 2.")]
BlurredHalving = Annotated[bool, Field(description="Blur before each halving (1904.11486).")]
Recomputation = Annotated[
    bool,
    Field(
        description="Recompute the residual blocks in the backward pass instead of storing their activations (1604.06174). This takes "
        "less memory and more time. The result is the same."
    ),
]
