"""The guide to every configuration key: python -m gan_style.document > docs/guide/config.md."""

from gan_style.config.reference import config_reference
from gan_style.methods import CONFIGS

if __name__ == "__main__":
    print(config_reference(CONFIGS), end="")
