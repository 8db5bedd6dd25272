"""The losses of StarGAN by hand, the targets of samples, and the label in the generator's input."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from tiny import make_method, micro_batches, tiny_config
from torch import Tensor

from gan_style.errors import UserError
from gan_style.methods.stargan import StarGAN
from gan_style.networks import GENERATORS
from gan_style.networks.layers.labelled_input import LabelledInput

NAMES = ["blue", "green", "red"]


def stargan(folder: Path, **keys: Any) -> StarGAN:
    method = make_method(tiny_config("stargan", folder, method={"domain_names": NAMES, **keys}))
    assert isinstance(method, StarGAN)
    return method


class Judge(torch.nn.Module):
    """The score of an image is its mean; its logits are that mean times 1, 2 and 3."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[int] = []

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        self.seen.append(len(images))
        mean = images.mean(dim=(1, 2, 3))
        return mean[:, None, None, None], mean[:, None] * torch.tensor([1.0, 2.0, 3.0])


def test_the_losses_by_hand(tmp_path: Path) -> None:
    method = stargan(tmp_path, classification_weight=2.0, reconstruction_weight=5.0)
    [batch] = micro_batches(0, 2)
    real, fake, back = (torch.full((2, 3, 16, 16), value) for value in (0.5, -0.25, 0.125))
    batch = batch.with_images(a=real)
    method.networks["discriminator"] = judge = Judge()
    discriminator, generator = method.players
    judged = method.losses(discriminator, batch, {"fake": fake})
    assert judged["discriminator_real"].item() == pytest.approx(-0.5)
    assert judged["discriminator_fake"].item() == pytest.approx(-0.25)
    slope = math.sqrt(3 * 16 * 16) / (3 * 16 * 16)  # |grad| of the mean
    assert judged["discriminator_gradient_penalty"].item() == pytest.approx(10 * (slope - 1) ** 2, rel=1e-5)
    assert batch.labels is not None
    own = F.cross_entropy(torch.tensor([[0.5, 1.0, 1.5]] * 2), torch.tensor(batch.labels)).item()
    assert judged["discriminator_class"].item() == pytest.approx(2 * own)
    fooled = method.losses(generator, batch, {"fake": fake, "reconstructed_a": back})
    assert fooled["adversarial"].item() == pytest.approx(0.25)
    assert fooled["cycle_a"].item() == pytest.approx(5 * 0.375)
    led = F.cross_entropy(torch.tensor([[-0.25, -0.5, -0.75]] * 2), torch.tensor(method.targets(batch))).item()
    assert fooled["class"].item() == pytest.approx(2 * led)
    assert judge.seen == [4, 2, 2], "real and made images, points between them, made images: each in one forward"


def test_a_target_is_a_function_of_the_number_and_every_domain_is_one(tmp_path: Path) -> None:
    method = stargan(tmp_path)
    batches = [micro_batches(step, 4)[0] for step in range(10)]
    targets = [target for batch in batches for target in method.targets(batch)]
    assert set(targets) == {0, 1, 2}
    assert targets == [target for batch in batches for target in method.targets(batch.with_images(a=batch.b))]
    assert [method.targets(part) for part in micro_batches(3, 4, 2)] == [targets[12:14], targets[14:16]]


def test_the_way_back_leads_to_the_own_domain(tmp_path: Path) -> None:
    method, asked = stargan(tmp_path), list[Tensor]()

    class Asked(torch.nn.Module):
        def forward(self, images: Tensor, labels: Tensor) -> Tensor:
            asked.append(labels)
            return images

    method.networks["generator"] = Asked()
    [batch] = micro_batches(0, 4)
    method.translate(batch)
    assert batch.labels is not None
    assert [labels.argmax(dim=1).tolist() for labels in asked] == [method.targets(batch), list(batch.labels)]


def test_each_label_has_channels_of_its_own_that_hold_the_image() -> None:
    image = torch.rand(2, 3, 5, 7)
    seen = LabelledInput(torch.nn.Identity())(image, torch.eye(2))
    nothing = torch.zeros(3, 5, 7)
    assert torch.equal(seen[0], torch.cat([image[0], image[0], nothing]))
    assert torch.equal(seen[1], torch.cat([image[1], nothing, image[1]]))


@pytest.mark.parametrize("name", sorted(GENERATORS))
def test_another_label_is_another_translation(name: str, tmp_path: Path) -> None:
    """Not with constant planes, which instance normalisation takes away."""
    generator = stargan(tmp_path, generator={"name": name, "base_channels": 4}).networks["generator"].double()
    image = torch.rand(1, 3, 64, 64, dtype=torch.float64).expand(3, -1, -1, -1)
    made = generator(image, torch.eye(3))
    assert min((made[one] - made[other]).abs().max() for one, other in ((0, 1), (0, 2), (1, 2))) > 1e-4


def test_the_classifier_sees_the_whole_training_image_and_averages_over_larger_ones(tmp_path: Path) -> None:
    judge = stargan(tmp_path).networks["discriminator"]
    assert judge(torch.rand(2, 3, 16, 16))[1].shape == (2, 3)
    image = torch.rand(1, 3, 16, 16)
    assert judge(image.repeat(1, 1, 2, 2))[1].shape == (1, 3)
    with pytest.raises(UserError, match=r"16 x 12 pixels are smaller than the 16 of data\.crop_size"):
        judge(torch.rand(1, 3, 12, 16))
