"""What several tests of event patterns share: a slow reference, a generator of pairs, the Java engine."""
