"""The ranges of a run's values: found at the first start, and from then on part of the run's configuration."""

from collections.abc import Mapping
from typing import Any

from gan_style.bundles.file import BundleValues
from gan_style.config.load import flatten
from gan_style.config.schema import DomainConfig, RunConfig
from gan_style.datasets.dataset import TrainingSet
from gan_style.datasets.value_range import find_values
from gan_style.engine.run_classes import earlier_domain
from gan_style.errors import UserError


def domain_values(config: RunConfig[Any], training: TrainingSet) -> dict[str, dict[str, Any]]:
    """Domain -> its keys `range` and `type`, for domains with a range of which one is to be found in the training files."""
    found: dict[str, dict[str, Any]] = {}
    for domain in training.source.domains:
        settings: DomainConfig = getattr(config.data, f"domain_{domain}")
        if settings.range is None or (not isinstance(settings.range, str) and settings.type != "auto"):
            continue
        keys = _earlier(config, domain)
        if keys is None:
            values = find_values(training.source, config.data, domain)
            keys = {"range": values.range, "type": values.dtype}
        given = {"range": settings.range, "type": settings.type}
        found[domain] = {key: keys[key] if isinstance(given[key], str) and given[key] in _FOUND else given[key] for key in keys}
    return found


_FOUND = ("auto", "percentiles")  # values of keys that are replaced by what is found


def sought_keys(config: RunConfig[Any]) -> dict[str, str]:
    """The keys `range` and `type` of measurements that say how their values are found, before these take their place."""
    domains = {"data.domain_a": config.data.domain_a, "data.domain_b": config.data.domain_b}
    given = {f"{name}.{key}": getattr(each, key) for name, each in domains.items() if each.range is not None for key in ("range", "type")}
    return {key: value for key, value in given.items() if isinstance(value, str) and value in _FOUND}


def check_sought(config: RunConfig[Any], before: Mapping[str, str], now: Mapping[str, str]) -> None:
    """`UserError` if a run that goes on is to find a value in another way than it did. before, now: as of `sought_keys`"""
    values = flatten(config.model_dump(mode="json"))
    for key, new in now.items():
        if new != (old := before.get(key, values[key])):
            changed = f"{key}: {old} -> {new}"
            raise UserError(
                f"run_dir {config.run_dir} was made with another configuration: {changed}; take the old value, or another run_dir"
            )


def _earlier(config: RunConfig[Any], domain: str) -> dict[str, Any] | None:
    """The keys of the domain in the run that was trained in the same folder; None if there is none."""
    earlier = earlier_domain(config, domain)
    if earlier is None or earlier.scale is None or earlier.type == "auto":
        return None
    return {"range": earlier.range, "type": earlier.type}


def bundle_values(domain: DomainConfig) -> BundleValues | None:
    """The values of a domain's files as its bundles keep them; None if the files are pictures."""
    if (scale := domain.scale) is None:
        return None
    return BundleValues(low=scale.low, high=scale.high, missing=scale.missing, type="float32" if domain.type == "auto" else domain.type)
