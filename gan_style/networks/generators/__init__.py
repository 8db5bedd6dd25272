"""Generators: from an image, or from noise, to an image."""
