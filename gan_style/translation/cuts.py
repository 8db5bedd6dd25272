"""Cuts of a video: frames that show another scene than the frame before."""

import cv2
import numpy as np

SIDE = 16  # pixels of the thumbnails that are compared
LARGEST = 0.15  # mean difference of two thumbnails of one scene, of the range from black to white


class Cuts:
    """Finds cuts: a frame is one if its thumbnail of 16 x 16 RGB means differs from the last frame's by more than 0.15 in the mean.

    Motion changes few of the means, a change of light all of them by little. A dissolve is no cut, a flash is two.
    """

    def __init__(self, last: np.ndarray | None = None) -> None:
        self.last = last

    def at(self, pixels: np.ndarray) -> bool:
        """Is the next frame a cut? pixels: [H, W, C], uint8 or uint16. The first frame is none."""
        top = np.iinfo(pixels.dtype).max
        thumbnail = cv2.resize(pixels, (SIDE, SIDE), interpolation=cv2.INTER_AREA).reshape(SIDE, SIDE, -1).astype(np.float32) / top
        last, self.last = self.last, thumbnail
        return last is not None and float(np.abs(thumbnail - last).mean()) > LARGEST
