"""What a mapping can invoke: a Python callable here (``local``), or a function in processes of its own (``process``)."""
