"""How a translation is compared with its truth, pixel by pixel, also where the pairs do not quite align.

    L_L1 = lambda E[d(T(G(x), phi), y)]      phi = R(G(x), y)      L_smooth = w E[|grad phi|^2 + |phi|^2 / r^2]      (2110.06465)

d is the L1 distance, its pyramid or its shift-tolerant form. R is the registration network, and T moves the translation by the field phi.
Without R, T(G(x)) is G(x). The player of the generator owns R. Training alone uses R: a bundle holds the generator.

Departures. The discriminator judges T(G(x)). The real pairs do not align, so a discriminator that saw G(x) would know it by its alignment
with x, and G would learn to distort what it draws. And |phi|^2 is small: if all translations were shifted and all fields shifted them
back, no other term would change.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from gan_style.config.effect import ON, OnlyWith
from gan_style.config.schema import MethodConfig
from gan_style.losses.l1 import l1_loss
from gan_style.losses.misaligned import pyramid_l1, shift_l1
from gan_style.losses.smoothness import length, smoothness
from gan_style.networks.layers.warp import warp
from gan_style.networks.registration import RegistrationConfig, RegistrationNetwork

REGISTRATION = "registration"  # the name of R among a method's networks
_REACH = 16.0  # r in pixels: displacements that vary over longer distances than this are held by their length, others by their slope
_SHIFT = OnlyWith({"l1": ("shift",)})
_USED = OnlyWith({"l1_weight": ON})


class PairsConfig(MethodConfig):
    """The keys of the comparison of a translation with its truth."""

    l1_weight: float = Field(default=0.0, ge=0, description="Weight of the L1 distance to the true output. 0: off.")
    l1: Annotated[Literal["plain", "pyramid", "shift"], _USED] = Field(
        default="plain",
        description="The L1 distance: of pixels (`plain`), also of the means of areas (`pyramid`), or of patches at the places where they "
        "fit best (`shift`). The last two are for pairs that do not quite align (docs/guide/measurements.md).",
    )
    l1_levels: Annotated[int, _USED, OnlyWith({"l1": ("pyramid",)})] = Field(
        default=4, ge=1, le=10, description="Levels of `l1: pyramid`: pixels, and squares of 2, 4, 8, ... pixels, which count alike."
    )
    l1_radius: Annotated[int, _USED, _SHIFT] = Field(
        default=2,
        ge=0,
        le=16,
        description="Largest shift of `l1: shift` along each axis, in pixels. A step tries (2 radius + 1)**2 shifts.",
    )
    l1_patch: Annotated[int, _USED, _SHIFT] = Field(
        default=16, ge=1, description="Side in pixels of the patches of `l1: shift`, each of which has a shift of its own."
    )
    registration_weight: Annotated[float, OnlyWith({"l1_weight": ON, "feature_weight": ON, "perceptual_weight": ON})] = Field(
        default=0.0,
        ge=0,
        description="Weight of the smoothness of the field by which a registration network moves a translation before it is judged and "
        "compared with the true output: for pairs that do not align (2110.06465). Larger weights give stiffer fields. 0: no registration.",
    )
    registration: Annotated[RegistrationConfig, OnlyWith({"registration_weight": ON})] = Field(
        default_factory=RegistrationConfig, description="The registration network, which training alone uses."
    )


class Pairs:
    """The comparison that a configuration describes. channels: of the translations

    networks: what the method must add to its own, and to those of the player that translates
    """

    def __init__(self, config: PairsConfig, channels: int) -> None:
        self.config = config
        self.networks: dict[str, nn.Module] = {}
        if config.registration_weight:
            self.networks[REGISTRATION] = RegistrationNetwork(channels, config.registration)

    def registered(self, networks: Mapping[str, nn.Module], fake: Tensor, real: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The translation at the places of the truth, and the term of the registration network. networks: of the method"""
        if not self.networks:
            return fake, {}
        field = networks[REGISTRATION](fake, real)  # phi
        cost = smoothness(field) + length(field) / _REACH**2
        return warp(fake, field), {"smoothness": self.config.registration_weight * cost}  # T(G(x), phi), L_smooth

    @torch.no_grad()
    def field(self, output: Tensor, truth: Tensor) -> Tensor | None:
        """The field [B, 2, H, W] in pixels, of the bare network, so that other processes need not take part; None without registration."""
        if not self.networks:
            return None
        network = self.networks[REGISTRATION]
        return network.forward(output, truth.to(next(network.parameters())))

    @property
    def weighed(self) -> tuple[str, ...]:
        """The terms that masks weigh."""
        return ("l1",) if self.config.l1_weight else ()

    def l1(self, output: Tensor, target: Tensor, mask: Tensor | None) -> Tensor:
        """lambda d(output, target). mask: weights [B, 1, H, W] of the target's pixels; None weighs all alike"""
        config = self.config
        if config.l1 == "pyramid":
            return config.l1_weight * pyramid_l1(output, target, config.l1_levels, mask)
        if config.l1 == "shift":
            return config.l1_weight * shift_l1(output, target, config.l1_radius, config.l1_patch, mask)
        return config.l1_weight * l1_loss(output, target, mask)
