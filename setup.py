"""What pyproject.toml cannot say: the recipes of configs/ are packages of the wheel, gan_style.recipes and gan_style.recipes.smoke."""

from setuptools import find_packages, setup

setup(packages=[*find_packages(include=["gan_style", "gan_style.*"]), "gan_style.recipes", "gan_style.recipes.smoke"])
