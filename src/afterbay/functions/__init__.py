"""What a mapping can invoke: a callable in this process, a function in processes of its own, or one behind the API."""
