"""Where in the stream: lineage, starting points, retention."""
