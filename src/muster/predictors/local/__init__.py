"""Models whose code runs on this machine, in a process and an environment of their own."""
