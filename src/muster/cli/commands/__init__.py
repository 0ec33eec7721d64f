"""One file for each verb and noun. They import at their top only what `--help` needs; the rest on use."""
