"""Keys that several methods share: type, range and meaning. Each method gives them its own default."""

from typing import Annotated, Literal

from pydantic import Field

Adversarial = Annotated[
    Literal["vanilla", "non-saturating", "lsgan", "hinge", "wgan"],
    Field(
        description="Adversarial loss: cross-entropy (`vanilla`, also called `non-saturating`, 1406.2661), least squares (`lsgan`, "
        "1611.04076), `hinge` (1705.02894), or a critic (`wgan`, 1701.07875). `wgan` needs `gradient_penalty_weight`, "
        "`r1_weight`, or `discriminator.spectral_norm` without batch normalisation."
    ),
]
ReplayImages = Annotated[
    int,
    Field(
        ge=0,
        le=10000,
        description="Past translations that each replay buffer keeps. Each discriminator sees a mix of past and present translations. 0: "
        "present ones only.",
    ),
]
