"""Style transfer by optimising the picture itself (Gatys et al., 2015, arXiv 1508.06576), under the controls of 1611.07865.

    loss(x) = content_weight * sum_l v_l |F_l(x) - P_l|^2 / |P_l|^2                    (1508.06576, equation 1)
            + strength * sum_s u_s sum_l w_l |G_l(x) - A_sl|^2 / |A_sl|^2              (equations 4 and 5)
            + tv_weight * TV(x)

F are the picture's features, P the photo's, G and A the Gram matrices of the picture and of style s. The weights v_l and w_l of the
layers have the sum 1. Departure: each term is relative to its target. It is 1 for a picture without features and 0 for a perfect match,
for any size of the picture, depth of the layer and scale of the network's weights (the paper's network was rescaled to a mean activation
of 1; torchvision's is not).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_style.errors import UserError
from gan_style.losses.perceptual import content_loss, gram_loss, gram_matrix
from gan_style.losses.total_variation import total_variation
from gan_style.networks.pretrained.vgg import VGGFeatures

StartPicture = Literal["content", "style", "noise"]
Optimizer = Literal["lbfgs", "adam"]
Terms = dict[str, float]

CONTENT_LAYERS = {"relu4_2": 1.0}
STYLE_LAYERS = {"relu1_1": 1.0, "relu2_1": 1.0, "relu3_1": 1.0, "relu4_1": 1.0, "relu5_1": 1.0}

_HISTORY = 10  # pairs of vectors in the memory of L-BFGS; torch's 100 pairs would take as much memory as the network's features
_RANGE_WEIGHT = 10.0  # weight of the mean squared distance of values from [-1, 1]
_NOISE = 0.25  # standard deviation of the noise that optimisation may start from


@dataclass(frozen=True)
class Style:
    """A style of the result.

    picture: [1, 1 or 3, h, w], in [-1, 1] or, recoloured, about it
    weight:  its share among the styles; see `shares`
    mask:    [1, 1, any, any] in [0, 1], scaled to the result: where the style applies (1611.07865, section 4); None: everywhere
    scale:   the side of the style picture relative to the result's (scale^2 times as many pixels); a larger scale makes larger strokes
    layers:  layer -> weight, scaled to the sum 1
    """

    picture: Tensor
    weight: float = 1.0
    mask: Tensor | None = None
    scale: float = 1.0
    layers: Mapping[str, float] = field(default_factory=lambda: STYLE_LAYERS)


@dataclass(frozen=True)
class Settings:
    """The settings of the optimisation.

    strength:  weight of the styles against the content, for any size; 0 returns the photo if it is the start; 1 is the default
    steps:     evaluations of the loss and its gradient over all levels; L-BFGS may take a few more to finish its line search
    pyramid:   number of levels, each with half the side of the next. Steps are divided evenly; levels too small for a texture are left out.
    start:     the photo, the first style's picture, or noise from `seed`
    """

    strength: float = 1.0
    content_weight: float = 0.2
    tv_weight: float = 0.0
    content_layers: Mapping[str, float] = field(default_factory=lambda: CONTENT_LAYERS)
    start: StartPicture = "content"
    optimizer: Optimizer = "lbfgs"
    learning_rate: float = 0.02  # for Adam alone
    steps: int = 500
    pyramid: int = 3
    seed: int = 0


def optimise(
    vgg: VGGFeatures, content: Tensor, styles: Sequence[Style], settings: Settings, progress: Callable[[Terms], None] | None = None
) -> Tensor:
    """Stylise the photo `content` [1, C, H, W] in [-1, 1]. The result has the same size and range.

    C: 3, or 1 for gray; the styles' pictures have the same number of channels
    vgg: must have all layers that the styles and settings name
    progress: called after each step with the weighted terms of its loss: content, style, tv
    The same arguments give the same picture on the same machine. `UserError` if the loss is not finite, or if the picture is too small for
    the layers.
    """
    # So that the deepest features of each picture have 4 positions a side at least: fewer are more border than texture.
    smallest = 4 * vgg.minimum_size / min(1.0, *(style.scale for style in styles))
    sizes = _level_sizes(content, settings.pyramid, smallest)
    x = small = None
    for level, size in enumerate(sizes):
        photo = _resized(content, size).clamp(-1.0, 1.0)
        if x is None or small is None:
            x = _start(photo, styles, settings)
        elif settings.start == "content":  # only the change is enlarged: the photo's detail stays sharp
            x = (photo + _resized(x - small, size)).clamp(-1.0, 1.0)
        else:
            x = _resized(x, size).clamp(-1.0, 1.0)
        small = photo
        steps = settings.steps * (level + 1) // len(sizes) - settings.steps * level // len(sizes)
        x = _descend(x, loss_terms(vgg, photo, styles, settings), steps, settings, progress)
    assert x is not None
    return x


def loss_terms(vgg: VGGFeatures, content: Tensor, styles: Sequence[Style], settings: Settings) -> Callable[[Tensor], dict[str, Tensor]]:
    """Compute the targets, and return the function from a picture of the size of `content` to the weighted terms of its loss (scalars)."""
    style_targets: list[tuple[str, Tensor, Tensor, Tensor | None]] = []
    with torch.no_grad():
        features = _features(vgg, content)
        content_targets = [
            (layer, weight / _of_nothing(content_loss, features[layer]), features[layer])
            for layer, weight in _normalised(settings.content_layers)
        ]
        sizes = {layer: (found.shape[2], found.shape[3]) for layer, found in features.items()}
        for style, share in zip(styles, shares(styles), strict=True):
            features = _features(vgg, _at_scale(style, content))
            for layer, weight in _normalised(style.layers):
                mask = None if style.mask is None else F.adaptive_avg_pool2d(style.mask, sizes[layer])  # area averaging
                gram = gram_matrix(features[layer])
                style_targets.append((layer, share * weight / _of_nothing(gram_loss, gram), gram, mask))

    def terms(x: Tensor) -> dict[str, Tensor]:
        features = _features(vgg, x)
        content, style = x.new_zeros(()), x.new_zeros(())
        for layer, weight, target in content_targets:
            content = content + weight * content_loss(features[layer], target)
        for layer, weight, target, mask in style_targets:
            style = style + weight * gram_loss(gram_matrix(features[layer], weights=mask), target)
        weighted = {"content": settings.content_weight * content, "style": settings.strength * style}
        return weighted | {"tv": settings.tv_weight * total_variation(x)}

    return terms


def shares(styles: Sequence[Style]) -> list[float]:
    """The weight u_s of each style in the loss.

    It is proportional to the style's weight and to the area of its mask, because a Gram matrix has a larger gradient at each position of a
    small region. The sum of all u_s is the area that the masks cover (1 without masks), so that the gradient at a styled position does not
    depend on the number of styles and regions.
    """
    masks = [style.mask for style in styles if style.mask is not None]
    covered = torch.stack(masks).amax(dim=0).mean().item() if len(masks) == len(styles) else 1.0
    parts = [style.weight * (1.0 if style.mask is None else style.mask.mean().item()) for style in styles]
    return [covered * part / sum(parts) for part in parts]


def _descend(
    x: Tensor, terms: Callable[[Tensor], dict[str, Tensor]], steps: int, settings: Settings, progress: Callable[[Terms], None] | None
) -> Tensor:
    """`x` after `steps` steps, in [-1, 1]. A penalty on values outside the range replaces clamping, which would mislead L-BFGS."""
    x = x.clone().requires_grad_()
    if settings.optimizer == "adam":
        optimizer = torch.optim.Adam([x], lr=settings.learning_rate)
    else:  # its thresholds are absolute: none of them here
        optimizer = torch.optim.LBFGS(
            [x], max_iter=steps, max_eval=steps, history_size=_HISTORY, tolerance_grad=0, tolerance_change=0, line_search_fn="strong_wolfe"
        )

    def evaluate() -> float:
        optimizer.zero_grad()
        found = terms(x)
        outside = _RANGE_WEIGHT * (x.abs() - 1).clamp(min=0.0).square().mean()
        # Times the number of values, so that a value's gradient, and with it the first step of L-BFGS, does not shrink with the size.
        loss = (sum(found.values(), start=outside)) * x.numel()
        loss.backward()
        if not loss.isfinite():
            raise UserError("the loss is not finite: take a smaller --strength or --learning-rate, or --optimizer adam")
        if progress:
            progress({name: term.item() for name, term in found.items()})
        return loss.item()

    if steps:
        for _ in range(steps if settings.optimizer == "adam" else 1):
            optimizer.step(evaluate)
    result = x.detach().clamp(-1.0, 1.0)
    if not result.isfinite().all():
        raise UserError("the picture is not finite: take a smaller --strength or --learning-rate, or --optimizer adam")
    return result


def _of_nothing(loss: Callable[[Tensor, Tensor], Tensor], target: Tensor) -> Tensor:
    """The loss of a picture without features, by which each term is divided."""
    return loss(torch.zeros_like(target), target).clamp(min=1e-12)


def _start(photo: Tensor, styles: Sequence[Style], settings: Settings) -> Tensor:
    if settings.start == "noise":
        generator = torch.Generator().manual_seed(settings.seed)
        return (_NOISE * torch.randn(photo.shape, generator=generator)).clamp(-1.0, 1.0).to(photo)
    if settings.start == "content":
        return photo
    picture, (height, width) = styles[0].picture, photo.shape[-2:]
    scale = max(height / picture.shape[-2], width / picture.shape[-1])
    rows, columns = (max(small, round(side * scale)) for small, side in zip((height, width), picture.shape[-2:], strict=True))
    top, left = (rows - height) // 2, (columns - width) // 2  # crop the middle: the resized picture covers the photo
    return _resized(picture, (rows, columns))[..., top : top + height, left : left + width].clamp(-1.0, 1.0)


def _level_sizes(content: Tensor, levels: int, smallest: float) -> list[tuple[int, int]]:
    height, width = content.shape[-2:]
    sizes = [(round(height / 2**level), round(width / 2**level)) for level in reversed(range(levels))]
    return [size for size in sizes[:-1] if min(size) >= smallest] + sizes[-1:]


def _at_scale(style: Style, content: Tensor) -> Tensor:
    (height, width), (rows, columns) = style.picture.shape[-2:], content.shape[-2:]
    scale = style.scale * (rows * columns / (height * width)) ** 0.5
    return _resized(style.picture, (max(1, round(height * scale)), max(1, round(width * scale))))


def _resized(images: Tensor, size: tuple[int, int]) -> Tensor:
    if tuple(images.shape[-2:]) == size:
        return images
    return F.interpolate(images, size, mode="bicubic", antialias=True, align_corners=False)


def _features(vgg: VGGFeatures, images: Tensor) -> dict[str, Tensor]:
    return vgg(images.expand(-1, 3, -1, -1))


def _normalised(weights: Mapping[str, float]) -> list[tuple[str, float]]:
    total = sum(weights.values())
    return [(layer, weight / total) for layer, weight in weights.items()]
