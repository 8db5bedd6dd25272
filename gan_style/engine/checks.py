"""Keys and data that contradict a method: sizes of images, names of players, masks."""

from typing import Any

from gan_style.config.schema import RunConfig
from gan_style.datasets.dataset import TrainingSet
from gan_style.errors import UserError, nearest
from gan_style.methods.base import Method


def check_crop(config: RunConfig[Any], method: Method) -> None:
    """`UserError` if images are too small for a discriminator or unsuited to a penalty, as far as the configuration tells."""
    smallest = method.smallest_size
    if config.data.one_size and config.data.crop_size < smallest:
        raise UserError(
            f"data.crop_size: {config.data.crop_size} is too small for the discriminators, which need {smallest} pixels; "
            "raise it or lower num_layers (or num_scales)"
        )
    if getattr(config.method, "gradient_penalty_weight", 0) and method.needs == "domains" and not config.data.one_size:
        raise UserError(
            "method.gradient_penalty_weight: needs real and generated images of one size; crop them "
            "(data.preprocess=resize_and_crop), or take method.r1_weight"
        )


def check_masks(training: TrainingSet | None, method: Method) -> None:
    """`UserError` if the training images have masks, but the method has no loss that masks weigh."""
    if training and training.source.masks and not method.weighed:
        raise UserError(
            f"data.mask: the images have masks, such as {training.source.mask('a', 0)}, but no loss of this method is weighed by them; "
            "set data.mask=off, or take pix2pix, pix2pixhd or cyclegan"
        )


def check_players(config: RunConfig[Any], method: Method) -> None:
    """`UserError` if `optim.player_lr` names a player that the method does not have."""
    names = [player.name for player in method.players]
    for name in config.optim.player_lr:
        if name not in names:
            hint = nearest(name, names) or f"; there are {', '.join(names)}"
            raise UserError(f"optim.player_lr.{name}: {config.method.name} has no such player{hint}")
