"""Guarded sinks: a file per kind, and the addresses that name them. Loading this package loads no SDK."""
