"""report.html: one file that shows a run, or several side by side. It reads the run folder and needs nothing else of the program."""
