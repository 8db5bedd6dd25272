"""What every group of configuration keys has in common."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationInfo, field_validator

from gan_style.errors import short
from gan_style.files.places import expanded

# A path, or a word that stands for one: `~` and `${VAR}` are expanded before anything sees it.
Place = Annotated[str, AfterValidator(expanded)]


class Section(BaseModel):
    """A frozen group of keys that refuses the ones it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _booleans_are_not_numbers(cls, value: Any, info: ValidationInfo) -> Any:
        """YAML reads `on` and `yes` as true, which pydantic would take for 1."""
        if isinstance(value, bool) and info.field_name and cls.model_fields[info.field_name].annotation is not bool:
            words = f"{'on and yes' if value else 'off and no'} as {short(value)}"
            raise ValueError(f"must not be {short(value)}; YAML also reads {words}, so put words in quotes")
        return value
