"""Files: reading and writing pictures of every format, colour profiles, atomic writing, walking folders."""
