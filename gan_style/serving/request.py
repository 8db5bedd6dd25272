"""A picture that a client has sent, on its way through the server."""

import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gan_style.errors import UserError
from gan_style.files.bounded import MAX_PIXELS, Encoded
from gan_style.machine.memory import room_for
from gan_style.serving.options import TranslateOptions
from gan_style.serving.refusal import BAD, Refusal, refusal_of
from gan_style.translation.inputs import FORMATS
from gan_style.translation.picture import Original, check_output_channels, check_output_values, encoded_result, kind_of_pixels, read_source
from gan_style.translation.pipeline import unfit
from gan_style.translation.stylist import StyleOptions
from gan_style.translation.translators import Translator, translator_for

if TYPE_CHECKING:
    from torch import Tensor

    from gan_style.serving.models import Model

MEDIA_TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".webp": "image/webp",
    ".tiff": "image/tiff",
    ".bmp": "image/bmp",
    ".ppm": "image/x-portable-pixmap",
    ".pgm": "image/x-portable-graymap",
}
_SIGNATURES = {b"\xff\xd8\xff": ".jpg", b"II": ".tiff", b"MM": ".tiff", b"BM": ".bmp", b"P5": ".pgm", b"P6": ".ppm"}


@dataclass(frozen=True)
class Sent:
    """The picture that a client has sent: a job whose result is not written to a file. Only the suffix of `target` counts."""

    source: Encoded
    target: Path


@dataclass(eq=False)
class Translating:
    """A request while the server works on it.

    picture, styles, masks: as they were sent; max_pixels: most pixels that are decoded
    answer: the encoded result; cancelled by whoever no longer waits for it
    """

    model: "Model"
    options: TranslateOptions
    picture: Encoded
    styles: list[Encoded] = field(default_factory=list)
    masks: list[Encoded] = field(default_factory=list)
    max_pixels: int = MAX_PIXELS
    answer: Future[bytes] = field(default_factory=Future)
    begun: float = field(default_factory=time.monotonic)
    waited: float = 0.0  # seconds until the network began
    computed: float = 0.0  # seconds of the network
    translator: Translator | None = None
    read: Original | None = None

    @property
    def original(self) -> Original:
        assert self.read is not None
        return self.read

    @property
    def suffix(self) -> str:
        """The suffix of the result's format."""
        if self.model.info.values_out is not None and "format" not in self.options.model_fields_set:
            return ".tiff"  # which holds measurements of any type
        return FORMATS[self.options.format] or kept_format(self.picture.data)

    @property
    def kind(self) -> tuple[object, ...]:
        """What requests of one batch have in common."""
        return self.model.name, self.options.to, kind_of_pixels(self.original)

    def in_figures(self) -> dict[str, Any]:
        """For the log: nothing of the picture but its size."""
        size = {} if self.read is None else {"width": self.read.width, "height": self.read.height}
        return {**size, "waited": round(self.waited, 4), "computed": round(self.computed, 4)}

    def prepare(self) -> None:
        """Check the options against the model, and decode the picture. `Refusal` says what is wrong."""
        try:
            self._check()
        except UserError as mistake:
            raise refusal_of(mistake, BAD) from None
        try:
            with room_for("the picture: no memory to read and resize it", "scale it down"):
                job = Sent(self.picture, Path("picture").with_suffix(self.suffix))
                self.read = read_source(job, self.model.info, self.options.resize, max_pixels=self.max_pixels)
            self.translator = self._translator()
        except UserError as mistake:
            raise refusal_of(mistake) from None

    def _check(self) -> None:
        format = next((name for name, suffix in FORMATS.items() if suffix == self.suffix), "png")
        check_output_channels(self.model.info, format)
        check_output_values(self.model.info, format)
        if self.options.style and self.model.predictor.condition.kind == "picture":
            raise UserError("style: the model takes pictures of styles; send each as a multipart field style")
        if self.options.share and len(self.options.share) != len(self.styles):
            raise UserError(f"share: {len(self.options.share)} given for {len(self.styles)} style pictures; give one for each, or none")
        if not self.styles and not self.masks:
            self.translator = self._translator()

    def _translator(self) -> Translator:
        if self.translator is not None:
            return self.translator
        options = self.options
        shares = options.share or [None] * len(self.styles)
        pictures = list(zip(self.styles, shares, strict=True))
        styles = StyleOptions((*options.style, *pictures), tuple(self.masks), options.preserve_color, options.strength, options.style_size)
        return translator_for(self.model.predictor, styles, options.to)

    def encode(self, result: "Tensor") -> bytes:
        """The bytes of the answer. `Refusal` for a result that cannot be written."""
        if why := unfit(result):
            raise Refusal(500, f"the picture: {why}")
        compression = self.options.png_compression
        more = {} if compression is None else {"png_compression": compression}
        try:
            with room_for("the picture: no memory to write its translation", "scale it down"):
                return encoded_result(self.original, result, self.options.keep_resized, **more)
        except UserError as mistake:
            raise refusal_of(mistake) from None


def kept_format(picture: bytes) -> str:
    """The suffix of the format of a picture, as its first bytes tell; `.png` for GIF, AVIF and whatever is not written."""
    if picture[:4] == b"RIFF" and picture[8:12] == b"WEBP":
        return ".webp"
    return next((suffix for signature, suffix in _SIGNATURES.items() if picture.startswith(signature)), ".png")
