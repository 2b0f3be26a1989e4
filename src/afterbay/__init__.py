"""Change data capture off DynamoDB."""
