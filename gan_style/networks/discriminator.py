"""What a method asks of a discriminator beside its scores."""

from typing import Protocol, runtime_checkable


@runtime_checkable
class AnySizeDiscriminator(Protocol):
    """A discriminator that scores the patches of images of any size from a smallest one on.

    Every network of DISCRIMINATORS and CLASSIFYING_DISCRIMINATORS is one, by its two attributes; it need not derive from this class. A
    generator has no `receptive_field`: it pads images that are smaller than its `minimum_size`. Both are sides in pixels.

    receptive_field: of the patch that one score depends on; where there are several scales, of the coarsest one's
    minimum_size: of the smallest image that has a score; a forward of a smaller one is a `UserError`
    """

    receptive_field: int
    minimum_size: int
