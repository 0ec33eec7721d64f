"""Between an encoded request and the answers of all rows, for every provider: sending, limits, retries, packing, bisecting, checkpoints."""
