"""Measuring from the command line: python -m gan_style.evaluate."""
