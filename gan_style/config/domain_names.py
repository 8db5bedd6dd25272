"""The names of a labelled set's classes in the configuration of a method with several domains."""

from typing import Any, ClassVar

from pydantic import Field

from gan_style.config.schema import MethodConfig
from gan_style.errors import UserError


class DomainNamesConfig(MethodConfig):
    """The configuration of a method that reads a labelled set: each class is a domain."""

    domains: ClassVar[tuple[str, ...]] = ("a",)
    domain_names: list[str] | None = Field(
        default=None,
        min_length=2,
        max_length=1024,
        description="The domains, in the order of their labels; null: the folders of the training images, in the order of their names.",
    )


def with_domain_names(method: Any, found: tuple[str, ...]) -> Any:
    """A method's configuration with the domains of the training images. `UserError` if it names others."""
    if not isinstance(method, DomainNamesConfig):
        return method
    if method.domain_names is None:
        return method.model_copy(update={"domain_names": list(found)})
    if sorted(method.domain_names) != sorted(found):
        raise UserError(f"method.domain_names: the training images are of {', '.join(found)}; give these names, or leave it out")
    return method
