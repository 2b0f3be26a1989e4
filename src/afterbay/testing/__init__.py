"""A local address for the tests of people's own projects: ``with afterbay.testing.address() as aws: ...``.

``afterbay.testing.fixtures`` has it as pytest fixtures. Needs the extra ``dev``.
"""

from afterbay.testing.address import Address, AddressError, address
from afterbay.testing.eventually import eventually

__all__ = ["Address", "AddressError", "address", "eventually"]
