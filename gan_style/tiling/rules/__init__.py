"""Rules: which region of its inputs an operator of a network needs for a region of its output, and how it is run there.

An operator without a rule is refused by name. A rule never approximates: the values are those of the whole image's operator, but for the
order in which a sum is rounded.
"""

from collections.abc import Callable, Mapping

from gan_style.errors import UserError
from gan_style.tiling.rules.channels import CHANNEL_RULES, Pointwise
from gan_style.tiling.rules.convolution import CONVOLUTION_RULES
from gan_style.tiling.rules.padding import PADDING_RULES
from gan_style.tiling.rules.resizing import RESIZING_RULES
from gan_style.tiling.rules.rule import NoRule, Rule, Site
from gan_style.tiling.rules.slicing import SLICING_RULES

_RULES: Mapping[str, Callable[[Site], Rule]] = {
    **CHANNEL_RULES,
    **CONVOLUTION_RULES,
    **PADDING_RULES,
    **RESIZING_RULES,
    **SLICING_RULES,
}


def rule_of(site: Site) -> Rule:
    """The rule of an operator at its place in a network. `UserError` names an operator that has none."""
    make = _RULES.get(site.name)
    try:
        if make is not None:
            return make(site)
        if site.pointwise:
            return Pointwise()
        raise NoRule("it is not known")
    except NoRule as why:
        refused = f"the network's operator {site.name} cannot be computed by regions ({why})"
        raise UserError(f"{refused}; take --tile none, or give it a rule in gan_style/tiling/rules") from None
