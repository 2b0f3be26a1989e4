"""What afterbay costs, measured: ``python -m benchmarks``, or ``make bench``. docs/benchmarks.md says how to read it."""
