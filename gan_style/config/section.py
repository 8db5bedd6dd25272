"""The base class of all sections of a configuration."""

from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationInfo, field_validator

from gan_style.errors import short
from gan_style.files.places import expanded

# A path or the name of a built-in choice. `~` and `${VAR}` are expanded.
Place = Annotated[str, AfterValidator(expanded)]


class Section(BaseModel):
    """A frozen group of keys. Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _booleans_are_words(cls, value: Any, info: ValidationInfo) -> Any:
        """A boolean as the word that YAML read it from, where the key takes this word; refused for any other type but booleans.

        YAML reads `on` and `yes` as true, `off` and `no` as false. pydantic would convert true to 1.
        """
        if not isinstance(value, bool) or not info.field_name:
            return value
        annotation = cls.model_fields[info.field_name].annotation
        if _takes_booleans(annotation):
            return value
        words = ("on", "yes") if value else ("off", "no")
        if get_origin(annotation) is Literal and (taken := [word for word in words if word in get_args(annotation)]):
            return taken[0]
        raise ValueError(f"must not be {short(value)}; YAML also reads {' and '.join(words)} as {short(value)}, so put words in quotes")


def _takes_booleans(annotation: Any) -> bool:
    return annotation is bool or bool in get_args(annotation)
