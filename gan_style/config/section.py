"""The base class of all sections of a configuration."""

from typing import Annotated, Any, get_args

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
    def _booleans_are_not_numbers(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse a boolean for another type. YAML reads `on` and `yes` as true, and pydantic would convert true to 1."""
        if isinstance(value, bool) and info.field_name and not _takes_booleans(cls.model_fields[info.field_name].annotation):
            words = f"{'on and yes' if value else 'off and no'} as {short(value)}"
            raise ValueError(f"must not be {short(value)}; YAML also reads {words}, so put words in quotes")
        return value


def _takes_booleans(annotation: Any) -> bool:
    return annotation is bool or bool in get_args(annotation)
