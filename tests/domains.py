"""What a method over several domains must do beside its game: lead each image to the right domain, and bear parts of a batch.

Every check takes a method as it was built and fails by an AssertionError that says what is wrong.
"""

import torch
from tiny import batch_of_every_domain, micro_batches
from torch import Tensor, nn

from gan_style.methods.several_domains import SeveralDomains
from gan_style.types import detach

BATCH = 4


class Marks(nn.Module):
    """In place of a generator: images [B, C, H, W] plus a mark for each label that they are led to, 1 for the first, 100 for the next."""

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        return images + (labels.to(images) @ 100.0 ** torch.arange(labels.shape[1]).to(images))[:, None, None, None]


def check_each_image_is_led_to_its_domain(method: SeveralDomains) -> None:
    """`fake` is led to the target domain; `reconstructed_a` to the target and then to the own domain; `identity_a` to the own one."""
    batch = batch_of_every_domain(method, BATCH)
    method.networks = {**method.networks, "generator": Marks()}
    outputs = method.translate(batch.with_images(a=batch.a.double()))
    own, targets = method.own(batch), method.targets(batch)
    ways = {"fake": [[target] for target in targets], "identity_a": [[place] for place in own]}
    ways["reconstructed_a"] = [[target, place] for target, place in zip(targets, own, strict=True)]
    for name in ways.keys() & outputs.keys():
        marks = (outputs[name].detach() - batch.a).mean(dim=(1, 2, 3)).round().long().tolist()
        for number, (mark, way) in enumerate(zip(marks, ways[name], strict=True)):
            led = [place for place in range(len(method.names)) for _ in range(mark // 100**place % 100)]
            assert led == sorted(way), (
                f"{name} leads image {number} of {method.names[own[number]]}, whose target is {method.names[targets[number]]}, "
                f"to {_named(method, led)}, not to {_named(method, way)}: take `own` and `targets` for the labels of `led`"
            )


def check_terms_are_means_over_the_whole_batch(method: SeveralDomains) -> None:
    """A term of a batch is the mean of those of its halves and of its single images, though domains are absent in them."""
    size = len(batch_of_every_domain(method, BATCH).numbers)
    size += size % 2
    sums: list[dict[str, float]] = []
    for parts in (1, 2, size):
        found: dict[str, float] = {}
        for batch in micro_batches(0, size, parts):
            for player in method.players:
                for term, loss in method.losses(player, batch, detach(method.translate(batch))).items():
                    found[term] = found.get(term, 0.0) + loss.item() / parts
        sums.append(found)
    for divided in sums[1:]:
        for term in sums[0] | divided:
            whole, part = sums[0].get(term, 0.0), divided.get(term, 0.0)
            assert abs(whole - part) <= 1e-4 * max(1.0, abs(whole)), (
                f"{term} is {whole:.4g} of a batch and {part:.4g} in the mean of its parts: divide by the number of all images "
                "of the batch, not of those of one domain (`counts` of Adversary.judge and Adversary.fool)"
            )


def check_every_network_learns_from_every_micro_batch(method: SeveralDomains) -> None:
    """Each parameter has a gradient, if only 0, where the domain of its network is absent: distributed training waits for it."""
    for batch in micro_batches(0, BATCH, BATCH):
        graph = method.translate(batch)
        for player in method.players:
            terms = method.losses(player, batch, graph if player.translates else detach(graph))
            total = torch.stack([*terms.values(), torch.zeros((), requires_grad=True)]).sum()
            for name in player.networks:
                trained = [value for key, value in method.networks[name].named_parameters() if method.trains(name, key)]
                slopes = torch.autograd.grad(total, trained, allow_unused=True, retain_graph=True)
                assert not any(slope is None for slope in slopes), (
                    f"{name} has no gradient from a micro-batch of {_named(method, method.own(batch))} led to "
                    f"{_named(method, method.targets(batch))}, and several processes would wait for it for ever: let it score every "
                    "batch, and count images of other domains 0 (`counts` of Adversary.judge and Adversary.fool)"
                )


def _named(method: SeveralDomains, labels: list[int]) -> str:
    return " and ".join(method.names[label] for label in labels) or "no domain"
