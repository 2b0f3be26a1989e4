"""Keeps a row for each shipment: when, for how much, and what the order was before.

A row a shipment, not a counter: adding twice would count twice. The table's guard is a conditional write on the token.
"""

import os
from datetime import UTC, datetime

import afterbay


def shipment(change):
    return {
        "day": datetime.fromtimestamp(change.created_s, UTC).date().isoformat(),
        "total": change.new["total"],
        "was": change.old["status"],
    }


handler = afterbay.into(afterbay.sink(os.environ["SHIPMENTS"]), transform=shipment)
