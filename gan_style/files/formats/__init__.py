"""Formats of files: one file a format, all behind the interface `format.Format`."""
