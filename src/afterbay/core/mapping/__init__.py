"""Event source mapping semantics: the heart. Rules R of ``docs/semantics/``."""
