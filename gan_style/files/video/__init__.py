"""Videos, read and written with PyAV, the extra `video`."""
