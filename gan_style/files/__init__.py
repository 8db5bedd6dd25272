"""Files of pictures: which are read, what the others are, TIFF, colour profiles."""
