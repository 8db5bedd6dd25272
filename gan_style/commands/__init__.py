"""The command line: one verb a file or folder."""
