"""Every method, by the name that `method.name` calls it."""

from gan_style.methods.adain import AdaIN
from gan_style.methods.base import Method
from gan_style.methods.cut import CUT
from gan_style.methods.cyclegan import CycleGAN
from gan_style.methods.dclgan import DCLGAN
from gan_style.methods.fast_style import FastStyle
from gan_style.methods.gan import GAN
from gan_style.methods.pix2pix import Pix2Pix
from gan_style.methods.pix2pixhd import Pix2PixHD
from gan_style.methods.stargan import StarGAN

METHODS: dict[str, type[Method]] = {
    "pix2pix": Pix2Pix,
    "pix2pixhd": Pix2PixHD,
    "cyclegan": CycleGAN,
    "cut": CUT,
    "dclgan": DCLGAN,
    "fast_style": FastStyle,
    "adain": AdaIN,
    "gan": GAN,
    "stargan": StarGAN,
}

CONFIGS = {name: method.Config for name, method in METHODS.items()}
