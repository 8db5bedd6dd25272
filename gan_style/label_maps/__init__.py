"""Label maps: their colours and their classes."""
