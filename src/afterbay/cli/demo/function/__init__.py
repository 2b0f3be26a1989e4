"""The demo's function: ``app.py`` is what goes into the zip."""
