"""For the tests of people's own projects: a local address, and without one records, recordings and a mapping.

``with afterbay.testing.address() as aws: ...`` needs the extra ``dev``. ``change`` and ``stream_event`` make a function
its event; ``recording`` and ``replay`` take what ``afterbay record`` kept; ``items`` reads a memory sink. All of it is
in docs/testing.md, and ``afterbay.testing.fixtures`` has pytest fixtures.
"""

from afterbay.testing.address import Address, AddressError, address
from afterbay.testing.events import FIRST_NUMBER, STREAM_ARN, change, stream_event
from afterbay.testing.eventually import eventually
from afterbay.testing.recorded import Recording, recording
from afterbay.testing.replay import Call, Replayed, replay
from afterbay.testing.sink import items

__all__ = [
    "FIRST_NUMBER",
    "STREAM_ARN",
    "Address",
    "AddressError",
    "Call",
    "Recording",
    "Replayed",
    "address",
    "change",
    "eventually",
    "items",
    "recording",
    "replay",
    "stream_event",
]
