"""What a mapping can invoke: a Python callable in this process (``local``), or a function in processes of its own (``process``)."""
