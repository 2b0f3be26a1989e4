"""What runs inside a function's process: standard library only, and no import of ours that the function would see.

``launcher`` prepares the process; ``bootstrap`` is the runtime client where ``awslambdaric`` has no wheel. The modules
import each other relatively, because the launcher loads this folder under a name of its own (see ``launcher``).
"""
