"""The names of a labelled set's classes in the configuration of a method with several domains."""

from typing import Any, ClassVar

from pydantic import Field

from gan_style.config.schema import MethodConfig
from gan_style.errors import UserError

MAX_DOMAINS = 1024


class DomainNamesConfig(MethodConfig):
    """The configuration of a method that reads a labelled set: each class is a domain."""

    domains: ClassVar[tuple[str, ...]] = ("a",)
    domain_names: list[str] | None = Field(
        default=None,
        min_length=2,
        max_length=MAX_DOMAINS,
        description="Names of the domains, in the order of their folders. Training refuses names that differ from the folders. null: the "
        "folders of the training images.",
    )


def with_domain_names(method: Any, found: tuple[str, ...]) -> Any:
    """A method's configuration with the domains of the training images, in their order. `UserError` if it names others."""
    if not isinstance(method, DomainNamesConfig):
        return method
    if len(found) > MAX_DOMAINS:
        raise UserError(f"the training images have {len(found)} classes, and {method.name} takes {MAX_DOMAINS} at most; join some folders")
    if method.domain_names is not None and sorted(method.domain_names) != sorted(found):
        raise UserError(f"method.domain_names: the training images are of {', '.join(found)}; give these names, or leave it out")
    return method.model_copy(update={"domain_names": list(found)})
