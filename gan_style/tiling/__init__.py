"""Exact translation of large images by regions: the graph of a network's operators, its passes, statistics, scratch files."""
