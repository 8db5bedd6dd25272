"""Label maps: their colours, and the classes that these are."""
