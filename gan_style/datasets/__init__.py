"""Data sets: layouts, pairs, decoding, transforms, the order of training samples, loading processes."""
