"""A client of an SDK, with something else for some of its calls."""


class Between:
    """A client with something happening before or instead of a call; all else is the real one's."""

    def __init__(self, client, **calls):
        self._client = client
        self._calls = calls

    def __getattr__(self, name):
        return self._calls.get(name) or getattr(self._client, name)
