"""The keys of `validation`."""

from pydantic import Field, field_validator, model_validator

from gan_style.config.metrics import INSIDE, METRICS, base_of
from gan_style.config.section import Place, Section
from gan_style.errors import nearest


class ValidationConfig(Section):
    """The measurements after every `train.validate_every` steps. docs/guide/evaluation.md explains the metrics."""

    metrics: list[str] | None = Field(
        default=None,
        min_length=1,
        description=f"The metrics: any of {', '.join(f'`{name}`' for name in METRICS)}. The first six need "
        "pairs, `mae` a domain with a `range`. "
        "null: `l1`, `psnr` and `ssim` (and `mae`) if the validation images are pairs, else `kid` and `structure`, without those that "
        "the method lacks.",
    )
    best: str | None = Field(
        default=None,
        description="The metric that chooses the best translator so far, which is kept as bundles/best_a2b.safetensors (and best_b2a). "
        f"Where masks have several labels, also that inside label N: {', '.join(f'`{name}_labelN`' for name in INSIDE)}. "
        "null: none is kept.",
    )
    images: int | None = Field(
        default=None, ge=1, description="Validation images of each domain that are measured at most, spread evenly over the set. null: all."
    )
    features: Place = Field(
        default="inception",
        min_length=1,
        description="The network of `fid` and `kid`: `inception` (Inception v3 from pytorch-fid's file), `random` (VGG-16 with random "
        "weights), or a .pth or .safetensors file of Inception v3, a VGG or a DINO transformer. Scores of `random` compare "
        "with each other only.",
    )
    lpips: Place = Field(
        default="alex",
        min_length=1,
        description="The network of `lpips`: `alex` or `vgg` (torchvision's weights, downloaded once), `random` (VGG-16 with random "
        "weights), or a .pth or .safetensors file of AlexNet or VGG-16.",
    )
    structure: Place = Field(
        default="imagenet",
        min_length=1,
        description="The network of `structure`: `imagenet` (VGG-16, torchvision's weights, downloaded once), `random` (VGG-16 with "
        "random weights), or a .pth or .safetensors file of a VGG or a DINO transformer.",
    )

    @field_validator("metrics")
    @classmethod
    def _known(cls, value: list[str] | None) -> list[str] | None:
        for name in value or []:
            if name not in METRICS:
                raise ValueError(_unknown(name))
        return None if value is None else list(dict.fromkeys(value))

    @field_validator("best")
    @classmethod
    def _known_best(cls, value: str | None) -> str | None:
        if value is not None and base_of(value) is None:
            raise ValueError(f"{_unknown(value)}; and {', '.join(INSIDE)} by label, such as {INSIDE[0]}_label1")
        return value

    @model_validator(mode="after")
    def _best_is_measured(self) -> "ValidationConfig":
        if self.best and self.metrics and base_of(self.best) not in self.metrics:
            words = f"is not among metrics ({', '.join(self.metrics)}): add {base_of(self.best)}, or choose one of them"
            raise ValueError(f"best is {self.best}, which {words}")
        return self


def _unknown(name: str) -> str:
    return f"{name!r} is no metric{nearest(name, METRICS)}; there are {', '.join(METRICS)}"
