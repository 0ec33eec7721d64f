"""Object storage, for all that keeps something there: places by URL, buckets, streams, and faults told plainly."""
