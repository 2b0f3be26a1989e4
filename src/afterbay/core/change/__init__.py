"""What a change is: values, sequence numbers, records in both wire forms, diffs."""
