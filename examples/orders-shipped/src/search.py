"""Keeps the search index: each shipped order under its key, as it was when it was shipped.

The index is a SQLite file here. Its guard keeps the sequence token beside each order and refuses what is not newer.
"""

import os

import afterbay

handler = afterbay.into(afterbay.sink(os.environ["INDEX"]))
