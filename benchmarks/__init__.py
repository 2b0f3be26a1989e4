"""What afterbay costs, measured: ``python -m benchmarks``, or ``make bench``. How to read it: ``docs/benchmarks.md``."""
