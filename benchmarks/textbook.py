"""Training steps as a textbook writes them: float32, NCHW, one forward for each image, Adam without a fused kernel, no compiler.

They are what users of the public implementations run today, written plainly by us, and the measure of benchmarks/step.py. Their networks
have the layers of `gan_style`'s, in the same order, so that both can begin with the same weights and their losses can be compared.
Each step takes images a, b [B, 3, H, W] in [-1, 1] and returns its losses by the names that `gan_style` logs.
"""

from collections.abc import Callable, Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Losses = dict[str, Tensor]


def instance_norm(channels: int) -> nn.Module:
    """Instance normalisation without parameters."""
    return nn.InstanceNorm2d(channels)


def conv(channels: int, out: int, size: int, stride: int = 1) -> nn.Sequential:
    """A convolution behind a reflected margin that keeps the size, but for the stride."""
    return nn.Sequential(nn.ReflectionPad2d(size // 2), nn.Conv2d(channels, out, size, stride))


class Blur(nn.Module):
    """A binomial blur of every channel, then every second pixel."""

    kernel: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        row = torch.tensor([1.0, 2.0, 1.0]) / 4
        self.register_buffer("kernel", torch.outer(row, row).repeat(channels, 1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), self.kernel, stride=2, groups=x.shape[1])


class UNet(nn.Module):
    """pix2pix's generator (1611.07004) without dropout."""

    def __init__(self, halvings: int, base: int = 64) -> None:
        super().__init__()
        channels = [base * min(2**level, 8) for level in range(halvings)]
        self.downs, self.ups = nn.ModuleList(), nn.ModuleList()
        for level, out in enumerate(channels):
            before = channels[level - 1] if level else 3
            layers: list[nn.Module] = [nn.LeakyReLU(0.2)] if level else []
            layers.append(nn.Conv2d(before, out, 4, 2, 1, bias=False))
            if 0 < level < halvings - 1:
                layers.append(nn.BatchNorm2d(out))
            self.downs.append(nn.Sequential(*layers))
        for level in reversed(range(halvings)):
            here = channels[level] * (1 if level == halvings - 1 else 2)
            if level:
                up = nn.ConvTranspose2d(here, channels[level - 1], 4, 2, 1, bias=False)
                self.ups.append(nn.Sequential(nn.ReLU(), up, nn.BatchNorm2d(channels[level - 1])))
            else:
                self.ups.append(nn.Sequential(nn.ReLU(), nn.ConvTranspose2d(here, 3, 4, 2, 1), nn.Tanh()))

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for down in self.downs:
            x = down(x)
            skips.append(x)
        x = self.ups[0](skips.pop())
        for up in self.ups[1:]:
            x = up(torch.cat([skips.pop(), x], 1))
        return x


class Block(nn.Module):
    """A residual block."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        norm, relu = instance_norm(channels), nn.ReLU()
        self.layers = nn.Sequential(conv(channels, channels, 3), norm, relu, conv(channels, channels, 3), instance_norm(channels))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


class ResNet(nn.Module):
    """Johnson's generator (1603.08155) with `halvings` strided convolutions, optionally antialiased as CUT's (2007.15651)."""

    def __init__(self, halvings: int = 2, blocks: int = 9, base: int = 64, antialias: bool = False) -> None:
        super().__init__()
        stages: list[list[nn.Module]] = [[conv(3, base, 7), instance_norm(base), nn.ReLU()]]
        for level in range(halvings):
            channels, out = base * 2**level, base * 2 ** (level + 1)
            layer = nn.Conv2d(channels, out, 3, 1 if antialias else 2, 1)
            stages += [[layer], [instance_norm(out), nn.ReLU(), *([Blur(out)] if antialias else [])]]
        wide = base * 2**halvings
        for _ in range(blocks):
            stages.append([Block(wide)])
        for level in reversed(range(halvings)):
            channels, out = base * 2 ** (level + 1), base * 2**level
            if antialias:
                doubled: list[nn.Module] = [nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(channels, out, 3, 1, 1)]
            else:
                doubled = [nn.ConvTranspose2d(channels, out, 3, 2, 1, output_padding=1)]
            stages.append([*doubled, instance_norm(out), nn.ReLU()])
        stages.append([conv(base, 3, 7), nn.Tanh()])
        self.stages = nn.ModuleList(nn.Sequential(*layers) for layers in stages)

    def forward(self, x: Tensor) -> Tensor:
        return self.features(x, ())[0]

    def features(self, x: Tensor, wanted: Iterable[int]) -> tuple[Tensor, list[Tensor]]:
        """The translation and the outputs of the stages `wanted`; with a last stage wanted, its output in place of the translation."""
        wanted, found = tuple(wanted), []
        for number, stage in enumerate(self.stages):
            x = stage(x)
            if number in wanted:
                found.append(x)
            if wanted and number == wanted[-1]:
                break
        return x, found


class PatchGAN(nn.Module):
    """The 70-pixel discriminator (1611.07004), optionally antialiased. It returns the maps of all its layers, the scores last."""

    def __init__(self, channels: int, norm: Callable[[int], nn.Module], bias: bool = True, antialias: bool = False, base: int = 64) -> None:
        super().__init__()
        stride, layers, before = 1 if antialias else 2, [], channels
        for level, out in enumerate((base, 2 * base, 4 * base, 8 * base)):
            last = level == 3
            parts: list[nn.Module] = [nn.Conv2d(before, out, 4, 1 if last else stride, 1, bias=bias or level == 0)]
            parts += [norm(out)] if level else []
            parts += [nn.LeakyReLU(0.2), *([Blur(out)] if antialias and not last else [])]
            layers.append(nn.Sequential(*parts))
            before = out
        self.layers = nn.ModuleList([*layers, nn.Sequential(nn.Conv2d(before, 1, 4, 1, 1))])

    def forward(self, x: Tensor) -> list[Tensor]:
        maps = []
        for layer in self.layers:
            x = layer(x)
            maps.append(x)
        return maps


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

    def __init__(self, size: int) -> None:
        self.generator = UNet(size.bit_length() - 1)
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
    """CycleGAN with its identity loss: the generators move first. Past translations are not kept."""

    def __init__(self, size: int) -> None:
        self.to_b, self.to_a = ResNet(), ResNet()
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
        for name, judge, real, fake in (("a", self.judge_a, a, fake_a), ("b", self.judge_b, b, fake_b)):
            theirs[f"discriminator_{name}_real"] = 0.5 * least_squares(judge(real)[-1], True)
            theirs[f"discriminator_{name}_fake"] = 0.5 * least_squares(judge(fake.detach())[-1], False)
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
