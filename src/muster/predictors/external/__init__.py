"""Models that someone else runs: one file for each provider, beside what all share: codecs, transport, snapshot."""
