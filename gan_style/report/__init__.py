"""report.html: one file that shows one run or compares several. It is made from the files of the run folder alone."""
