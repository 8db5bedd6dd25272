"""Folders of images as endless streams of training samples, and as validation sets."""
