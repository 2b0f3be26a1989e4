"""Pipes: a mapping whose delivery is an enrichment and a target (X1 to X113)."""
