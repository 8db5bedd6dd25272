"""What a command shows in a terminal, and which signals it heeds."""
