"""The options of a translation, as the query of POST /translate gives them. They mirror those of infer.py."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from gan_style.errors import nearest, short, wrong_value
from gan_style.serving.refusal import BAD, Refusal
from gan_style.translation.inputs import LARGEST_STYLE, SMALLEST_STYLE

MOST_STYLES = 16


def _switch(value: Any) -> Any:
    if value in ("true", "false"):
        return value == "true"
    if isinstance(value, bool):
        return value
    raise ValueError(f"must be true or false, not {short(value)}")


def _whole(value: Any) -> Any:
    """Digits alone: pydantic would read `1_0` and ` 10` too."""
    if isinstance(value, str) and not (value.isascii() and value.isdecimal() and len(value) < 10):
        raise ValueError(f"must be a whole number, not {short(value)}")
    return value


def _size(value: Any) -> Any:
    if value in ("none", "train"):
        return value
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 10 and 1 <= int(value) <= 16384:
        return int(value)
    raise ValueError(f"must be none, train or a whole number from 1 to 16384, not {short(value)}")


def _number(value: Any) -> Any:
    """As in JSON: pydantic would read `1_0.5`, `inf` and ` 1` too."""
    if isinstance(value, str) and not set(value) <= set("0123456789.eE+-"):
        raise ValueError(f"must be a number, not {short(value)}")
    return value


def _few(styles: list[Any]) -> list[Any]:
    if len(styles) > MOST_STYLES:
        raise ValueError(f"at most {MOST_STYLES} styles are mixed, not {len(styles)}")
    return styles


Share = Annotated[float, Field(ge=0, le=1), BeforeValidator(_number)]


class TranslateOptions(BaseModel):
    """One translation's options."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: Annotated[str | None, Field(description="Name of the model, of GET /models. Needed where the server has several.")] = None
    format: Annotated[
        Literal["png", "jpg", "webp", "tiff", "keep"],
        Field(description="Format of the result; keep: that of the picture sent, png for GIF and AVIF. Default for measurements: tiff."),
    ] = "png"
    png_compression: Annotated[
        Annotated[int, Field(ge=0, le=9)] | None,
        BeforeValidator(_whole),
        Field(description="Of PNG: 0 is the fastest, 9 the smallest; default: 1."),
    ] = None
    resize: Annotated[
        Literal["none", "train"] | Annotated[int, Field(ge=1, le=16384)],
        BeforeValidator(_size),
        Field(description="Translate at the picture's own size, at that of training, or with a shorter side of so many pixels."),
    ] = "none"
    keep_resized: Annotated[bool, BeforeValidator(_switch), Field(description="Do not scale the result back to the picture's size.")] = (
        False
    )
    to: Annotated[str | None, Field(description="The domain to translate to, for a model of several domains.")] = None
    style: Annotated[
        list[str],
        AfterValidator(_few),
        Field(description="A style that the model knows, as NAME or NAME:SHARE; several mix. Style pictures are sent as multipart fields."),
    ] = []
    share: Annotated[
        list[Share], AfterValidator(_few), Field(description="The share of each style picture, in their order; their sum is 1.")
    ] = []
    strength: Annotated[Share | None, Field(description="How much of the style; default: 1.")] = None
    style_size: Annotated[
        int | None,
        BeforeValidator(_whole),
        Field(ge=SMALLEST_STYLE, le=LARGEST_STYLE, description="Pixels of the shorter side to which style pictures are resized."),
    ] = None
    preserve_color: Annotated[
        Literal["luminance", "histogram"] | None, Field(description="Keep the picture's colours: exactly, or their mean and covariance.")
    ] = None

    @model_validator(mode="after")
    def _each_has_an_effect(self) -> "TranslateOptions":
        if self.keep_resized and self.resize == "none":
            raise ValueError("keep_resized: has no effect without resize; leave it out, or give both")
        if self.png_compression is not None and self.format not in ("png", "keep"):
            raise ValueError(f"png_compression: the results are {self.format}; leave it out, or take format=png")
        return self


LISTS = {"style", "share"}


def parse_options(query: Sequence[tuple[str, str]]) -> TranslateOptions:
    """The options of a query, as its (name, value) pairs. `Refusal` names a wrong one."""
    given: dict[str, Any] = {}
    for name, value in query:
        if name in LISTS:
            given.setdefault(name, []).append(value)
        elif name in given:
            raise Refusal(BAD, f"{name}: given twice, and only one can count; leave one out")
        else:
            given[name] = value
    try:
        return TranslateOptions.model_validate(given)
    except ValidationError as mistakes:
        raise Refusal(BAD, _told(mistakes)) from None


def _told(mistakes: ValidationError) -> str:
    """The first mistake in one line that begins with the option's name."""
    first: dict[str, Any] = {**mistakes.errors()[0]}
    if not first["loc"]:
        return wrong_value(first)
    name = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        known = [*TranslateOptions.model_fields]
        return f"{name}: no option of a translation{nearest(name, known)}; there are {', '.join(known)}"
    return f"{name}: {wrong_value(first)}"
