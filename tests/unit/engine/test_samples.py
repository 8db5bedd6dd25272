"""Sample grids: the field of a registration network at the right of each row."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from tiny import SIZE, make_method, tiny_config
from torch import nn

from gan_style import build
from gan_style.engine.samples import Example, SampleGrid
from gan_style.files import images
from gan_style.files.field_picture import field_picture

REGISTERED = {"registration_weight": 1.0, "registration": {"base_channels": 4, "num_downs": 2}}


def drawn(path: Path, method: Any, config: Any, truth: torch.Tensor | None) -> np.ndarray:
    """The grid of one row."""
    device = torch.device("cpu")
    shown = torch.rand(3, SIZE, SIZE) * 2 - 1
    translators = build.make_translators(config, method, device)
    grid = SampleGrid(translators, [Example("a2b", [(shown,)], (shown,), truth)], device, method.field)
    grid.draw(path, {"a2b": method.networks["generator"].state_dict()})
    return images.read(path, 3).pixels


def test_a_row_ends_in_the_field_between_translation_and_truth(tmp_path: Path) -> None:
    config = tiny_config("pix2pix", tmp_path, method=REGISTERED)
    method = make_method(config)
    nn.init.normal_(method.networks["registration"].head.weight, 0.0, 1.0)  # type: ignore[union-attr, arg-type]
    truth = torch.rand(3, SIZE, SIZE) * 2 - 1
    grid = drawn(tmp_path / "grid.png", method, config, truth)
    assert grid.shape == (SIZE, 4 * SIZE, 3)
    translation = images.to_tensor(grid[:, SIZE : 2 * SIZE])
    field = method.field(translation[None], truth[None])
    assert field is not None and not field.requires_grad and field.any()
    difference = field_picture(field[0].numpy()).astype(int) - grid[:, 3 * SIZE :]  # of a translation that was rounded to 8 bits
    assert np.abs(difference).mean() < 3


def test_there_is_no_field_without_registration_or_without_truth(tmp_path: Path) -> None:
    plain, registered = tiny_config("pix2pix", tmp_path), tiny_config("pix2pix", tmp_path, method=REGISTERED)
    truth = torch.zeros(3, SIZE, SIZE)
    assert drawn(tmp_path / "plain.png", make_method(plain), plain, truth).shape == (SIZE, 3 * SIZE, 3)
    assert drawn(tmp_path / "none.png", make_method(registered), registered, None).shape == (SIZE, 2 * SIZE, 3)
