"""What a method's losses must do, whatever its networks are: who looks at what, and what each player's game does to the other.

Every check takes a method as it was built, fails by an AssertionError that says what is wrong, and finds what it needs by what every method
has: `translators` and `translations` say what is made of which domain, players that do not translate judge, and terms called
`adversarial...` are the generators' side. Outputs and terms `reconstructed_x` and `cycle_x`, `identity_x` and `identity_x` belong together.
A method over several domains gets a batch with every domain, and says what each sample's target is (`SeveralDomains.targets`).
"""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from tiny import batch_of_every_domain
from torch import Tensor, nn

from gan_style.methods.base import Method, Player
from gan_style.methods.several_domains import SeveralDomains
from gan_style.types import Batch, Direction, Outputs, detach

ROUNDS = 30  # moves of a player alone
APART = 0.5  # adversarial terms are of the order of 1: two of images that a discriminator tells apart differ by more than this


def judges(method: Method) -> list[Player]:
    return [player for player in method.players if not player.translates]


def generators(method: Method) -> Player:
    [player] = [player for player in method.players if player.translates]
    return player


def reals(method: Method, direction: Direction) -> tuple[str, str]:
    """(domain that a translator of this direction is given, domain whose images it makes); a method of one domain makes those of A."""
    return ("", "a") if method.needs in ("images", "labelled images") else (direction[0], direction[-1])


def real_images(method: Method, batch: Batch, direction: Direction) -> Tensor:
    """For each sample a real image of the domain that its translation should pass for: with labels, one of the batch with its target."""
    images = getattr(batch, reals(method, direction)[1])
    if not isinstance(method, SeveralDomains):
        return images
    own = method.own(batch)
    return images[[own.index(target) for target in method.targets(batch)]]


def made(method: Method, batch: Batch, outputs: Outputs) -> dict[str, Direction]:
    """The names of the translations among `outputs`."""
    results: dict[Direction, Tensor] = {direction: result for direction, (_, result) in method.translations(batch, outputs).items()}
    return {name: direction for direction, result in results.items() for name, value in outputs.items() if value is result}


def leaves(batch: Batch, outputs: Outputs) -> tuple[Batch, Outputs]:
    """Copies of which a gradient can tell whether a loss looks at them."""
    with_gradient = {name: value.requires_grad_(value.is_floating_point()) for name, value in detach(outputs).items()}
    return batch.with_images(a=batch.a.clone().requires_grad_(), b=batch.b.clone().requires_grad_()), with_gradient


def looks_at(term: Tensor, tensors: Mapping[str, Tensor]) -> set[str]:
    """The names of the tensors that the term has a slope in."""
    wanted = {name: tensor for name, tensor in tensors.items() if tensor.requires_grad}
    if not term.requires_grad or not wanted:
        return set()
    slopes = torch.autograd.grad(term, list(wanted.values()), allow_unused=True, retain_graph=True)
    return {name for name, slope in zip(wanted, slopes, strict=True) if slope is not None and slope.any()}


def domains_in(term: Tensor, images: Tensor, labels: Sequence[int]) -> set[int]:
    """The labels of the images that the term has a slope in."""
    if not term.requires_grad:
        return set()
    [slope] = torch.autograd.grad(term, [images], allow_unused=True, retain_graph=True)
    return set() if slope is None else {label for label, each in zip(labels, slope, strict=True) if each.any()}


def moved_by(term: Tensor, method: Method) -> set[str]:
    """The names of the networks whose weights the term has a slope in."""
    weights = {f"{name} {key}": value for name, network in method.networks.items() for key, value in network.named_parameters()}
    return {name.split()[0] for name in looks_at(term, weights)}


def along(first: Sequence[Tensor | None], second: Sequence[Tensor | None]) -> float:
    """The cosine between two gradients."""
    pairs = [(x.flatten(), y.flatten()) for x, y in zip(first, second, strict=True) if x is not None and y is not None]
    assert pairs, "the two have no parameter in common"
    x, y = (torch.cat(parts) for parts in zip(*pairs, strict=True))
    return F.cosine_similarity(x, y, dim=0).item()


def domains_judged(method: SeveralDomains, network: str, batch: Batch, outputs: Outputs, fake: bool = False) -> set[int]:
    """The domains of the real images, or of the translations, that this judge's terms look at. batch, outputs: `leaves`"""
    terms = [loss for player in judges(method) for loss in method.losses(player, batch, outputs).values()]
    images, labels = (outputs["fake"], method.targets(batch)) if fake else (batch.a, method.own(batch))
    return {label for loss in terms if network in moved_by(loss, method) for label in domains_in(loss, images, labels)}


def check_each_judge_sees_the_domain_that_it_judges(method: Method) -> dict[str, Direction]:
    """A discriminator's terms look at the translations of one direction and at the real images of the domain they should pass for.

    Returns the direction that each discriminator judges.
    """
    batch = batch_of_every_domain(method, 2)
    batch, outputs = leaves(batch, method.translate(batch))
    fakes = made(method, batch, outputs)
    judged: dict[str, Direction] = {}
    seen: dict[str, set[str]] = {}
    for player in judges(method):
        for term, loss in method.losses(player, batch, outputs).items():
            networks = moved_by(loss, method) & {*player.networks}
            assert len(networks) == 1, f"{term} belongs to {sorted(networks) or 'no discriminator'}: give each discriminator its own terms"
            [network] = networks
            looked = looks_at(loss, {**outputs, "a": batch.a, "b": batch.b})
            directions: set[Direction] = {fakes[name] for name in looked & fakes.keys()}
            seen.setdefault(network, set()).update(looked)
            assert not (term.endswith("_real") and directions), f"{term} looks at a translation"
            assert not (term.endswith("_fake") and not directions), f"{term} looks at no translation"
            assert len(directions | {judged.get(network, direction) for direction in directions}) <= 1, f"{network} judges two directions"
            for direction in directions:
                judged[network] = direction
    for player in judges(method):
        for network in player.networks:
            assert network in judged, f"{network} sees no translation"
            source, target = reals(method, judged[network])
            assert target in seen[network], f"{network} judges {judged[network]} and does not see the real images of {target}"
            strange = seen[network] & {source} if method.needs == "domains" else set()
            assert not strange, f"{network} judges {judged[network]} and sees the real images of {source}"
            if isinstance(method, SeveralDomains):
                of_real, of_fake = (domains_judged(method, network, batch, outputs, fake=fake) for fake in (False, True))
                assert of_real == of_fake, f"{network} sees real images of {sorted(of_real)} and translations to {sorted(of_fake)}"
    return judged


def check_each_translation_fools_its_judge(method: Method) -> None:
    """An adversarial term goes through the discriminator that is trained on its translation, and through no other."""
    judged = check_each_judge_sees_the_domain_that_it_judges(method)
    batch = batch_of_every_domain(method, 2)
    batch, outputs = leaves(batch, method.translate(batch))
    fakes = made(method, batch, outputs)
    fooled: set[str] = set()
    led: set[int] = set()
    for term, loss in method.losses(generators(method), batch, outputs).items():
        networks = moved_by(loss, method) & judged.keys()
        directions = {fakes[name] for name in looks_at(loss, outputs) & fakes.keys()}
        for network in networks:
            assert directions == {judged[network]}, f"{term} shows {sorted(directions)} to {network}, which judges {judged[network]}"
        if term.startswith("adversarial"):
            assert len(networks) == 1, f"{term} goes through {sorted(networks) or 'no discriminator'}"
            fooled |= networks
            if isinstance(method, SeveralDomains):
                shown = domains_in(loss, outputs["fake"], method.targets(batch))
                [network] = networks
                of_real = domains_judged(method, network, batch, outputs)
                assert shown == of_real, f"{term} shows translations to {sorted(shown)} to {network}, which judges {sorted(of_real)}"
                led |= shown
    assert not isinstance(method, SeveralDomains) or led == {*range(len(method.names))}, f"translations to {sorted(led)} alone are judged"
    assert fooled == judged.keys(), f"no adversarial term goes through {sorted(judged.keys() - fooled)}"


def check_the_game_has_two_sides(method: Method) -> None:
    """Turns of one side alone. Of the discriminators as they are drawn: they learn to take real images for real, rather than
    translations. Once they believe in translations: a turn lowers their losses and raises every adversarial term. Of the generators:
    a turn lowers the adversarial terms, raises their opponents' losses, and leaves the opponents where they are."""
    batch = batch_of_every_domain(method, 4)
    outputs = detach(method.translate(batch))
    truth = outputs | {name: real_images(method, batch, way) for name, way in made(method, batch, outputs).items()}
    maker, opponents = generators(method), judges(method)
    weights = [parameter for player in opponents for name in player.networks for parameter in method.networks[name].parameters()]
    own = [parameter for name in maker.networks for key, parameter in method.networks[name].named_parameters() if method.trains(name, key)]

    def judging(shown: Outputs) -> dict[str, Tensor]:
        return {term: loss for player in opponents for term, loss in method.losses(player, batch, shown).items()}

    def fooling(shown: Outputs) -> dict[str, Tensor]:
        return {term: loss for term, loss in method.losses(maker, batch, shown).items() if term.startswith("adversarial")}

    drawn = fooling(truth)
    apart = APART
    if isinstance(method, SeveralDomains) and len(drawn) > 1:  # a judge for each domain: a term is a mean in which other domains count 0
        targets = method.targets(batch)
        apart *= min(targets.count(place) for place in targets) / len(targets)
    _play(weights, lambda: judging(outputs).values())
    real, fake = fooling(truth), fooling(outputs)
    for term, loss in real.items():
        assert loss < drawn[term], f"discriminators that learn take real images for translations: {term} {drawn[term]:.3g} -> {loss:.3g}"
        assert fake[term] - loss > apart, f"discriminators that learn do not tell real images from translations: {term}"

    _play(weights, lambda: fooling(outputs).values())
    lost, believed = _sum(judging(outputs)), fooling(outputs)
    _play(weights, lambda: judging(outputs).values())
    won, unbelieved = _sum(judging(outputs)), fooling(outputs)
    assert won < lost, f"discriminators that learn raise their own losses, {lost:.3g} -> {won:.3g}"
    for term, loss in unbelieved.items():
        assert loss > believed[term], f"discriminators that learn lower {term}, {believed[term]:.3g} -> {loss:.3g}"

    before = [parameter.detach().clone() for parameter in weights]
    _play(own, lambda: fooling(method.translate(batch)).values())
    again = detach(method.translate(batch))
    for term, loss in fooling(again).items():
        assert loss < unbelieved[term], f"generators that learn raise {term}, {unbelieved[term]:.3g} -> {loss:.3g}"
    assert _sum(judging(again)) > won, "generators that learn help their discriminators"
    assert all(torch.equal(*pair) for pair in zip(before, weights, strict=True)), "generators moved their discriminators"


def check_what_comes_back_is_compared_with_what_it_was(method: Method) -> None:
    """A cycle's or an identity's term looks at its own output and real image alone and draws them together; a cycle went through both
    generators, an identity through the one that makes its domain."""
    batch = batch_of_every_domain(method, 2)
    batch = batch.with_images(a=batch.a.requires_grad_(), b=batch.b.requires_grad_())
    graph = method.translate(batch)
    real, outputs = leaves(batch, graph)
    terms = method.losses(generators(method), real, outputs)
    for kind, called in (("cycle", "reconstructed"), ("identity", "identity")):
        for domain in "ab":
            term, output = f"{kind}_{domain}", f"{called}_{domain}"
            assert (term in terms) == (output in outputs), f"of the term {term} and the output {output} there is but one"
            if term not in terms:
                continue
            looked = looks_at(terms[term], {**outputs, "a": real.a, "b": real.b})
            assert looked == {output, domain}, f"{term} looks at {sorted(looked)}, not at {output} and the real images of {domain}"
            [slope] = torch.autograd.grad(terms[term], [outputs[output]], retain_graph=True)
            apart = (outputs[output] - getattr(real, domain)).abs().mean()
            assert along([slope], torch.autograd.grad(apart, [outputs[output]])) > 0.5, f"{term} does not draw {output} to the real images"
            came_from = looks_at(graph[output].square().sum(), {"a": batch.a, "b": batch.b})
            assert came_from == {domain}, f"{output} is made of the real images of {sorted(came_from)}"
            through = moved_by(graph[output].square().sum(), method)
            every = kind == "cycle" or method.needs == "labelled images"  # a translator of labelled images makes every domain
            makers = {name for direction, name in method.translators.items() if every or direction[-1] == domain}
            assert through == makers, f"{output} went through {sorted(through)}, not {sorted(makers)}"


def check_a_pair_is_drawn_together(method: Method) -> None:
    """Where the data are pairs, the term `l1` draws the translation to the true output."""
    batch = batch_of_every_domain(method, 2)
    batch, outputs = leaves(batch, method.translate(batch))
    terms = method.losses(generators(method), batch, outputs)
    if method.needs != "pairs" or "l1" not in terms:
        return
    [(name, direction)] = made(method, batch, outputs).items()
    truth = getattr(batch, direction[-1])
    assert looks_at(terms["l1"], {**outputs, "a": batch.a, "b": batch.b}) == {name, direction[-1]}
    slopes = [torch.autograd.grad(loss, [outputs[name]], retain_graph=True) for loss in (terms["l1"], (outputs[name] - truth).abs().mean())]
    assert along(*slopes) > 0.5, "l1 does not draw the translation to the truth"


def check_nothing_is_drawn_from_global_generators(method: Method) -> None:
    """What a method draws belongs to its samples: the generators of torch, NumPy and Python are not touched."""
    before = _global_states()
    batch = batch_of_every_domain(method, 2)
    outputs = method.translate(batch)
    method.fakes(batch)
    for player in method.players:
        method.losses(player, batch, outputs if player.translates else detach(outputs))
    for whose, state in _global_states().items():
        assert state == before[whose], f"{whose}'s global generator was drawn from"


def _global_states() -> dict[str, object]:
    """What the generators that a library keeps for everyone would draw next."""
    return {"torch": torch.get_rng_state().tolist(), "NumPy": str(np.random.get_state(legacy=False)), "Python": random.getstate()}


def _sum(terms: Mapping[str, Tensor]) -> float:
    return sum(loss.item() for loss in terms.values())


def _play(weights: Sequence[nn.Parameter], losses: Callable[[], Iterable[Tensor]]) -> None:
    """Some moves down the sum of the losses, in these weights alone."""
    optimizer = torch.optim.Adam(weights, lr=1e-2, betas=(0.5, 0.999))
    for _ in range(ROUNDS):
        slopes = torch.autograd.grad(torch.stack(list(losses())).sum(), list(weights), allow_unused=True)
        for weight, slope in zip(weights, slopes, strict=True):
            weight.grad = slope
        optimizer.step()
    optimizer.zero_grad()
