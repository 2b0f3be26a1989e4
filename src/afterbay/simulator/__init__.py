"""Seeded worlds that drive the mapping core in virtual time: shards, faults, crashes, and what must hold at every
step.

Decides nothing about mappings: every decision is ``core.mapping``'s. ``python -m afterbay.simulator --seed N`` replays
a world.
"""
