"""Which changes have had their effect: a row per change, written in the effect's own transaction."""
