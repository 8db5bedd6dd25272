"""The metric that chooses the best translator: is it measured on the validation images?"""

from gan_style.config.metrics import base_of
from gan_style.datasets.empty_masks import LOOKED_AT
from gan_style.datasets.mask_check import labels_in
from gan_style.datasets.survey import Source
from gan_style.errors import UserError
from gan_style.evaluation.suite import Suite


def check_best(best: str, suite: Suite, source: Source) -> None:
    """`UserError` if `validation.best` is not among the metrics, or is one inside a label that the masks of `source` do not have."""
    if (base := base_of(best)) not in suite.names:
        raise UserError(f"validation.best: {best} is not among the metrics {', '.join(suite.names)}; add {base} to validation.metrics")
    if base == best:
        return
    if not source.masks:
        raise UserError(f"validation.best: {best} is measured inside masks, and the validation images have none; take {base}")
    labels = labels_in(source, LOOKED_AT)
    if len(labels) < 2:
        raise UserError(f"validation.best: {best} needs masks of several labels, and those of the validation images have one; take {base}")
    if int(best.rpartition("label")[2]) not in labels:
        told = ", ".join(map(str, sorted(labels)))
        raise UserError(f"validation.best: {best}: the masks of the validation images have the labels {told}; take one of them, or {base}")
