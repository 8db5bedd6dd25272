"""Discriminators: how real an image looks, or each of its patches."""
