"""The machine: its devices and precisions, and what happens when its memory runs out."""
