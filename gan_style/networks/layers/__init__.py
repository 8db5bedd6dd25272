"""Layers and tensor functions that networks share."""
