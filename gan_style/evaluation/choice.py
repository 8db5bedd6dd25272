"""The choice of metrics: which ones fit a translator's condition and the validation images."""

from collections.abc import Sequence

from gan_style.conditions import Alone, Condition, Exemplar, Label, Mix, Noise
from gan_style.config.metrics import DEFAULT_PAIRED, DEFAULT_UNPAIRED, MEASURED, METRICS, Compares
from gan_style.errors import UserError

# Condition -> what its translations can be compared with. No real image shows the result of a mix of styles.
_COMPARABLE: dict[type[Condition], tuple[Compares, ...]] = {
    Alone: ("truth", "input", "domain"),
    Label: ("input", "domain"),
    Mix: ("input",),
    Exemplar: ("input", "domain"),
    Noise: ("domain",),
}
_WORDS: dict[Compares, str] = {
    "truth": "true outputs",
    "input": "the input",
    "domain": "real images of the output's domain",
}


def choose(
    requested: Sequence[str] | None, condition: Condition, paired: bool, key: str, method: str, measured: bool = False
) -> tuple[str, ...]:
    """Check the requested metrics. If none are requested, return the default ones that fit.

    paired: are the validation images pairs?
    measured: are the results values with a unit?
    key: the option or key of the request, for messages; method: the translator's method, for messages
    `UserError` names the first metric that does not fit.
    """
    comparable = _COMPARABLE[type(condition)]
    possible = [name for name, metric in METRICS.items() if metric.compares in comparable and (paired or metric.compares != "truth")]
    if requested is None:
        usual = DEFAULT_PAIRED if "truth" in comparable and paired else DEFAULT_UNPAIRED
        usual = (*MEASURED, *usual) if measured else usual
        return tuple(name for name in usual if name in possible)
    for name in requested:
        if name in MEASURED and not measured:
            why = "which has no data.domain_b.range, or channels of several lengths of it"
            raise UserError(f"{key}: {name} is in the unit of the output's domain, {why}; take l1")
        compares = METRICS[name].compares
        if name not in possible:
            why = f"the translations of {method} have none" if compares not in comparable else "the validation images are no pairs"
            raise UserError(f"{key}: {name} compares with {_WORDS[compares]}, and {why}; take {', '.join(possible)}")
    return tuple(requested)


def compares(names: Sequence[str], what: Compares) -> bool:
    """Does one of the metrics compare translations with `what`?"""
    return any(METRICS[name].compares == what for name in names)
