"""Training steps as a textbook writes them: float32, NCHW, one forward for each image, Adam without a fused kernel, no compiler.

They are what users of the public implementations run today, written plainly by us, and the measure of benchmarks/step.py. Their networks
have the layers of `gan_style`'s, in the same order, so that both can begin with the same weights and their losses can be compared.
Each step takes images a, b [B, 3, H, W] in [-1, 1] and returns its losses by the names that `gan_style` logs.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from textbook_networks import PatchGAN, ResNet, UNet, instance_norm
from torch import Tensor, nn

Losses = dict[str, Tensor]


def adam(*networks: nn.Module) -> torch.optim.Adam:
    """Adam as the papers set it, without a fused kernel."""
    parameters = [parameter for network in networks for parameter in network.parameters()]
    return torch.optim.Adam(parameters, lr=2e-4, betas=(0.5, 0.999), fused=False)


def learn(optimizer: torch.optim.Optimizer, losses: Losses) -> None:
    """One backward and one step of an optimizer."""
    optimizer.zero_grad()
    sum(losses.values(), torch.zeros(())).backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def freeze(*networks: nn.Module, frozen: bool) -> None:
    """Let networks learn, or not."""
    for network in networks:
        network.requires_grad_(not frozen)


def least_squares(scores: Tensor, real: bool) -> Tensor:
    """The mean of (D - 1)^2 or D^2."""
    return F.mse_loss(scores, torch.full_like(scores, float(real)))


class Pix2Pix:
    """pix2pix: the discriminator moves first."""

    def __init__(self, size: int, dropout: bool = False) -> None:
        self.generator = UNet(size.bit_length() - 1, dropout=dropout)
        self.discriminator = PatchGAN(6, nn.BatchNorm2d, bias=False)
        self.networks = [self.generator, self.discriminator]
        self.optimizers = [adam(self.generator), adam(self.discriminator)]

    def step(self, a: Tensor, b: Tensor) -> Losses:
        """One step."""
        fake = self.generator(a)
        freeze(self.discriminator, frozen=False)
        on_fake = self.discriminator(torch.cat([a, fake.detach()], 1))[-1]
        on_real = self.discriminator(torch.cat([a, b], 1))[-1]
        cross_entropy = F.binary_cross_entropy_with_logits
        theirs = {
            "discriminator_fake": 0.5 * cross_entropy(on_fake, torch.zeros_like(on_fake)),
            "discriminator_real": 0.5 * cross_entropy(on_real, torch.ones_like(on_real)),
        }
        learn(self.optimizers[1], theirs)
        freeze(self.discriminator, frozen=True)
        scores = self.discriminator(torch.cat([a, fake], 1))[-1]
        own = {"adversarial": cross_entropy(scores, torch.ones_like(scores)), "l1": 100 * F.l1_loss(fake, b)}
        learn(self.optimizers[0], own)
        return theirs | own


class CycleGAN:
    """CycleGAN with its identity loss: the generators move first.

    past_a, past_b: functions that exchange translations for those of the past, for the discriminators; by default the present ones stay
    """

    def __init__(self, size: int, blocks: int = 9) -> None:
        self.to_b, self.to_a = ResNet(blocks=blocks), ResNet(blocks=blocks)
        self.past_a: Callable[[Tensor], Tensor] = Tensor.detach
        self.past_b: Callable[[Tensor], Tensor] = Tensor.detach
        self.judge_a, self.judge_b = PatchGAN(3, instance_norm), PatchGAN(3, instance_norm)
        self.networks = [self.to_b, self.to_a, self.judge_a, self.judge_b]
        self.optimizers = [adam(self.to_b, self.to_a), adam(self.judge_a, self.judge_b)]

    def step(self, a: Tensor, b: Tensor) -> Losses:
        """One step."""
        fake_b, fake_a = self.to_b(a), self.to_a(b)
        again_a, again_b = self.to_a(fake_b), self.to_b(fake_a)
        freeze(self.judge_a, self.judge_b, frozen=True)
        own = {
            "adversarial_ab": least_squares(self.judge_b(fake_b)[-1], True),
            "adversarial_ba": least_squares(self.judge_a(fake_a)[-1], True),
            "cycle_a": 10 * F.l1_loss(again_a, a),
            "cycle_b": 10 * F.l1_loss(again_b, b),
            "identity_a": 5 * F.l1_loss(self.to_a(a), a),
            "identity_b": 5 * F.l1_loss(self.to_b(b), b),
        }
        learn(self.optimizers[0], own)
        freeze(self.judge_a, self.judge_b, frozen=False)
        theirs = {}
        for name, judge, real, fake in (
            ("a", self.judge_a, a, self.past_a(fake_a.detach())),
            ("b", self.judge_b, b, self.past_b(fake_b.detach())),
        ):
            theirs[f"discriminator_{name}_real"] = 0.5 * least_squares(judge(real)[-1], True)
            theirs[f"discriminator_{name}_fake"] = 0.5 * least_squares(judge(fake)[-1], False)
        learn(self.optimizers[1], theirs)
        return own | theirs


class CUT:
    """CUT: the discriminator moves first; patches of each layer are drawn anew in each step."""

    LAYERS, PATCHES, TEMPERATURE = (1, 3, 5, 9), 256, 0.07  # after both convolutions that halve, blocks 1 and 5; and the pixels

    def __init__(self, size: int) -> None:
        self.generator, self.discriminator = ResNet(antialias=True), PatchGAN(3, instance_norm, antialias=True)
        widths = (3, 128, 256, 256, 256)
        self.heads = nn.ModuleList(nn.Sequential(nn.Linear(width, 256), nn.ReLU(), nn.Linear(256, 256)) for width in widths)
        self.networks = [self.generator, self.heads, self.discriminator]
        self.optimizers = [adam(self.generator, self.heads), adam(self.discriminator)]

    def step(self, a: Tensor, b: Tensor) -> Losses:
        """One step."""
        fake, identity = self.generator(torch.cat([a, b])).chunk(2)
        freeze(self.discriminator, frozen=False)
        theirs = {
            "discriminator_fake": 0.5 * least_squares(self.discriminator(fake.detach())[-1], False),
            "discriminator_real": 0.5 * least_squares(self.discriminator(b)[-1], True),
        }
        learn(self.optimizers[1], theirs)
        freeze(self.discriminator, frozen=True)
        own = {
            "adversarial": least_squares(self.discriminator(fake)[-1], True),
            "nce": 0.5 * self.contrast(a, fake),
            "nce_identity": 0.5 * self.contrast(b, identity),
        }
        learn(self.optimizers[0], own)
        return theirs | own

    def contrast(self, source: Tensor, translation: Tensor) -> Tensor:
        """PatchNCE between a source and its translation."""
        keys, queries = ([image, *self.generator.features(image, self.LAYERS)[1]] for image in (source, translation))
        losses = []
        for head, key, query in zip(self.heads, keys, queries, strict=True):
            drawn = torch.randperm(key[0, 0].numel())[: self.PATCHES]
            k, q = (F.normalize(head(each.flatten(2).transpose(1, 2)[:, drawn]), dim=-1) for each in (key, query))
            logits = q @ k.detach().transpose(1, 2) / self.TEMPERATURE
            losses.append(F.cross_entropy(logits.flatten(0, 1), torch.arange(len(drawn)).repeat(len(q)).to(q.device)))
        return torch.stack(losses).mean()


class Pix2PixHD:
    """pix2pixHD's global generator with three discriminators and feature matching: the discriminators move first."""

    def __init__(self, size: int) -> None:
        self.generator = ResNet(halvings=4)
        self.discriminators = nn.ModuleList(PatchGAN(6, instance_norm) for _ in range(3))
        self.networks = [self.generator, self.discriminators]
        self.optimizers = [adam(self.generator), adam(self.discriminators)]

    def judge(self, x: Tensor) -> list[list[Tensor]]:
        """The maps of each discriminator, at full, half and quarter size."""
        results = []
        for number, discriminator in enumerate(self.discriminators):
            x = F.avg_pool2d(x, 3, 2, 1, count_include_pad=False) if number else x
            results.append(discriminator(x))
        return results

    def step(self, a: Tensor, b: Tensor) -> Losses:
        """One step."""
        fake = self.generator(a)
        freeze(self.discriminators, frozen=False)
        on_fake, on_real = self.judge(torch.cat([a, fake.detach()], 1)), self.judge(torch.cat([a, b], 1))
        theirs = {
            "discriminator_fake": 0.5 * torch.stack([least_squares(maps[-1], False) for maps in on_fake]).sum(),
            "discriminator_real": 0.5 * torch.stack([least_squares(maps[-1], True) for maps in on_real]).sum(),
        }
        learn(self.optimizers[1], theirs)
        freeze(self.discriminators, frozen=True)
        on_fake = self.judge(torch.cat([a, fake], 1))
        with torch.no_grad():
            on_real = self.judge(torch.cat([a, b], 1))
        pairs = [pair for fakes, reals in zip(on_fake, on_real, strict=True) for pair in zip(fakes[:-1], reals[:-1], strict=True)]
        own = {
            "adversarial": torch.stack([least_squares(maps[-1], True) for maps in on_fake]).sum(),
            "feature_matching": 10 / 3 * torch.stack([F.l1_loss(made, real) for made, real in pairs]).sum(),
        }
        learn(self.optimizers[0], own)
        return theirs | own


TEXTBOOK = {"pix2pix": Pix2Pix, "cyclegan": CycleGAN, "cut": CUT, "pix2pixhd": Pix2PixHD}
