"""`train.freeze`: parameters and buffers that no step changes.

A frozen parameter has no gradient and no optimizer. A frozen part stays the same function of its input, so its buffers do not change
either: running statistics and the singular vectors of spectral normalisation. In training, batch normalisation normalises by the batch,
frozen or not (docs/decisions/0005).
"""

from collections.abc import Iterator, Sequence

from gan_style.engine.naming import named
from gan_style.errors import UserError, nearest, short
from gan_style.methods.base import Method

KEY = "train.freeze"


def fixed_tensors(freeze: Sequence[str], method: Method) -> dict[str, frozenset[str]]:
    """Network -> the names of its parameters and buffers that are frozen. freeze: the key's value

    `UserError` for a name that no parameter has, that freezes nothing that is trained, or if a player has nothing left to train.
    """
    fixed: dict[str, set[str]] = {name: set() for name in method.networks}
    trained = {
        name: {key for key, _ in network.named_parameters() if method.trains(name, key)} for name, network in method.networks.items()
    }
    for entry in freeze:
        head, _, rest = entry.partition(".")
        found = False
        for name in named(head, method.networks):
            tensors = {key for key in method.networks[name].state_dict() if not rest or key == rest or key.startswith(f"{rest}.")}
            found = found or not tensors.isdisjoint(key for key, _ in method.networks[name].named_parameters())
            fixed[name] |= tensors
        if not found:
            hint = nearest(entry, dict.fromkeys(_beginnings(method))) or _parts(method)
            raise UserError(f"{KEY}: no parameter is called {short(entry)[1:-1]}, and no name begins so{hint}")
        if all(trained[name].isdisjoint(fixed[name]) for name in named(head, method.networks)):
            raise UserError(f"{KEY}: {entry} is not trained by {method.config.name} anyway; leave it out")
    for player in method.players:
        if all(trained[name] <= fixed[name] for name in player.networks):
            raise UserError(f"{KEY}: nothing is left to train of {' and '.join(player.networks)}; freeze less")
    return {name: frozenset(tensors) for name, tensors in fixed.items()}


def _beginnings(method: Method) -> Iterator[str]:
    """All that the key may name: each parameter, and each beginning of its name."""
    for name, network in method.networks.items():
        for key, _ in network.named_parameters():
            parts = [name, *key.split(".")]
            yield from (".".join(parts[:end]) for end in range(1, len(parts) + 1))


def _parts(method: Method) -> str:
    """The largest parts of each network, in words."""
    parts = dict.fromkeys(
        f"{name}.{key.split('.')[0]}" for name, network in method.networks.items() for key, _ in network.named_parameters()
    )
    return f"; names begin with {', '.join(parts)}"
