"""The terminal: progress, output streams, and the signals that stop a command."""
