"""Files: which pictures are read, every format, colour profiles; writing that leaves no half; walking folders."""
