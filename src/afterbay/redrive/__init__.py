"""Dead letters, read where they lie, and redriven once a person agreed (E16 to E18)."""
