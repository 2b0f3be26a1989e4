"""The stream's side of AWS, pure: the shard log of a table's stream, and the faults that are to happen."""
