"""The demo data sets, drawn on this machine. Only commands import this room."""
