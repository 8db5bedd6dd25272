"""gan_style: image-to-image translation with GANs, trained on folders of images and served by one file."""

__version__ = "0.1.0"
