"""The attributes of a discriminator that methods read."""

from typing import Protocol, runtime_checkable


@runtime_checkable
class AnySizeDiscriminator(Protocol):
    """A discriminator that scores the patches of images of any size, if they are not smaller than `minimum_size`.

    Every network of DISCRIMINATORS and CLASSIFYING_DISCRIMINATORS has these two attributes. It need not derive from this class. A generator
    has no `receptive_field`: it pads smaller images.

    receptive_field: side in pixels of the patch that one score depends on; with several scales, that of the coarsest scale
    minimum_size: side in pixels of the smallest image with a score. The forward pass raises a `UserError` for a smaller image.
    """

    receptive_field: int
    minimum_size: int
