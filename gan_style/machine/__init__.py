"""The machine: which device computes, and what happens when memory runs out."""
