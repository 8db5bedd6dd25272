"""The classes of a run's label maps: found at the first start, and from then on part of the run's configuration."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gan_style.config.continuing import differences
from gan_style.config.labels import LabelledConfig
from gan_style.config.schema import DomainConfig, RunConfig
from gan_style.config.yaml_file import read_yaml
from gan_style.datasets.class_colours import are_label_maps, find_colours, find_frequent
from gan_style.datasets.dataset import TrainingSet, ValidationSet
from gan_style.errors import UserError


def label_colours(config: RunConfig[Any], training: TrainingSet) -> list[str] | None:
    """The classes by which the method encodes label maps; None if it does not encode them, or if its inputs are no label maps."""
    method, data = config.method, config.data
    if not isinstance(method, LabelledConfig) or not method.labels.one_hot:
        return None
    domain, labels = method.direction[0], method.labels
    if not are_label_maps(training.source, data, domain):
        if labels.colours is not None:
            raise UserError(f"method.labels.colours: the inputs are not read as label maps; set data.domain_{domain}.labels=yes")
        return None
    if labels.colours is not None:
        return labels.colours
    if of_domain := (data.domain_a if domain == "a" else data.domain_b).colours:
        return of_domain
    channels = (data.domain_a if domain == "a" else data.domain_b).channels - (labels.edges == "alpha")
    return _earlier(config) or find_colours(training.source, data, domain, max(1, channels))


def with_colours(config: RunConfig[Any], colours: list[str] | None) -> RunConfig[Any]:
    """The configuration with these classes of the method's label maps. A data set with other classes thus belongs to another run."""
    return config if colours is None else config.model_copy(update={"method": config.method.with_colours(colours)})


def domain_colours(config: RunConfig[Any], training: TrainingSet) -> dict[str, dict[str, Any]]:
    """Domain -> its key `colours`, the classes of its label maps, for domains with `labels: nearest` and without listed colours."""
    found = {}
    for domain in ("a", "b"):
        settings: DomainConfig = getattr(config.data, f"domain_{domain}")
        if settings.labels == "nearest" and settings.colours is None:
            earlier = earlier_domain(config, domain)
            colours = (earlier and earlier.colours) or find_frequent(training.source, config.data, domain)
            found[domain] = {"colours": colours}
    return found


def with_domain_keys(
    config: RunConfig[Any], found: Mapping[str, Mapping[str, Any]], training: TrainingSet, validation: ValidationSet | None
) -> tuple[RunConfig[Any], TrainingSet, ValidationSet | None]:
    """The configuration with these keys of its domains, and the data sets opened again with it."""
    if not found:
        return config, training, validation
    data = config.data.with_domains(found)
    opened = ValidationSet(validation.source, data) if validation else None
    return config.model_copy(update={"data": data}), TrainingSet(training.source, data, training.seed), opened


def earlier_domain(config: RunConfig[Any], domain: str) -> DomainConfig | None:
    """The keys of the domain in the run that was trained in the same folder; None if there is none."""
    folder = Path(config.run_dir)
    try:
        earlier = DomainConfig.model_validate(read_yaml(folder / "config.yaml")["data"][f"domain_{domain}"])
    except (UserError, LookupError, TypeError, ValueError):
        return None
    return earlier if any(folder.glob("checkpoints/step_*")) else None


def _earlier(config: RunConfig[Any]) -> list[str] | None:
    """The method's classes in the run of the same folder; None if there is none.

    Its networks depend on these classes, and finding them again takes minutes for a large data set. A new colour in files that were
    added later belongs to the nearest class. If no step was trained in the folder, its classes count only for the same data set.
    """
    folder = Path(config.run_dir)
    trained = any(not path.name.endswith("_0000000") for path in folder.glob("checkpoints/step_*"))
    try:
        tree = read_yaml(folder / "config.yaml")
        earlier, data = tree["method"]["labels"], config.data.model_dump(mode="json")
        same = not differences({"data": tree["data"]}, {"data": data}) if trained else tree["data"] == data
        if same and earlier["edges"] == config.method.labels.edges:
            return config.method.with_colours(earlier["colours"]).labels.colours
    except (UserError, LookupError, TypeError, ValueError):  # there is no such run, or its file is damaged, which is reported later
        pass
    return None
