"""The encoders and containers in which results are written."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Codec:
    """An encoder of FFmpeg.

    crf: its default constant rate factor; most: the largest one; None for a lossless encoder
    suffixes: of the containers that hold it
    odd: can frames of 4:2:0 have an odd side?
    least: smallest side of a frame
    options: further options. They fix the number of threads where the result depends on it, and keep libx264 from those algorithms of
    its lookahead that differ between processors: with them, a third of the encodings of one video differed on one processor.
    """

    crf: int | None
    most: int
    suffixes: frozenset[str]
    odd: bool = False
    options: Mapping[str, str] | None = None
    least: int = 1

    def pixel_format(self, width: int, height: int, deep: bool) -> str:
        """4:2:0; 4:4:4 where a side is odd and the encoder wants even ones; RGB, so that nothing is lost, for a lossless encoder."""
        if self.crf is None:
            return "gbrp16le" if deep else "bgr0"
        odd = not self.odd and (width % 2 or height % 2)
        return f"yuv{'444' if odd else '420'}p{'10le' if deep else ''}"


_MOST = frozenset({".mp4", ".m4v", ".mov", ".mkv"})
_WRITTEN = _MOST | {".webm"}
_BROADCAST = frozenset({".ts", ".mts", ".m2ts", ".3gp", ".flv"})
CODECS: dict[str, Codec] = {
    "libx264": Codec(18, 51, _MOST, options={"preset": "medium", "x264-params": "cpu-independent=1"}),
    "libx265": Codec(20, 51, _MOST, options={"x265-params": "log-level=error:frame-threads=1:pools=4"}, least=65),  # 64 breaks its memory
    "libvpx-vp9": Codec(24, 63, frozenset({".mp4", ".mkv", ".webm"}), True, {"b": "0", "deadline": "good", "cpu-used": "3"}),
    "libsvtav1": Codec(26, 63, frozenset({".mp4", ".mkv", ".webm"}), options={"preset": "7", "svtav1-params": "lp=2"}),
    "ffv1": Codec(None, 0, frozenset({".mkv"}), True, {"level": "3"}),
}
ALIASES = {"h264": "libx264", "h265": "libx265", "hevc": "libx265", "vp9": "libvpx-vp9", "av1": "libsvtav1"}
THREADS = 4  # of encoders: the bytes depend on the number


@dataclass(frozen=True)
class Encoding:
    """How results are encoded. codec: a key of `CODECS`, or None for the container's usual one; crf: None for the codec's default"""

    codec: str | None = None
    crf: int | None = None

    def suffix(self, source: str) -> str:
        """The suffix of the result of a video with this suffix: the same if results are written in that container and it holds the codec.

        Else it is .mp4 for containers of broadcasts, whose sound an .mp4 takes, and .mkv, which takes nearly any sound, for the others.
        """
        codec = CODECS[self.codec] if self.codec else None
        wanted = source.lower() if source.lower() in _WRITTEN else ".mp4" if source.lower() in _BROADCAST else ".mkv"
        return ".mkv" if codec and wanted not in codec.suffixes else source if source.lower() == wanted else wanted

    def codec_for(self, suffix: str) -> str:
        """The key of `CODECS` for a container with this suffix."""
        return self.codec or ("libvpx-vp9" if suffix.lower() == ".webm" else "libx264")
