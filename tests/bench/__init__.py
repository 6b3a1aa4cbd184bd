"""Benchmarks and drills: programs with servers of their own, not tests; `./run bench NAME`."""
