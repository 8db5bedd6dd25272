import numpy as np

from gan_style.files.sheet import tile


def test_cells_have_the_largest_size_and_pictures_keep_theirs() -> None:
    gray = np.full((2, 3, 1), 7, np.uint8)
    colour = np.full((4, 2, 4), 9, np.uint8)
    sheet = tile([[gray, colour], [colour]])
    assert sheet.shape == (8, 6, 3)
    assert (sheet[:2, :3] == 7).all()
    assert (sheet[:4, 3:5] == 9).all()
    assert (sheet[4:8, :2] == 9).all()
    assert (sheet[2:4, :3] == 255).all()
    assert (sheet[4:8, 3:] == 255).all()
