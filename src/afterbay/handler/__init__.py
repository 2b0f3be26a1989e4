"""What a function uses, in AWS Lambda, at the local address and in a unit test alike (interfaces.md section 3).

``changes`` decodes, ``each`` makes a handler of a function of one change, ``into`` one that writes to guarded sinks,
and ``into_sink`` is the latter ready-made. All of them answer ``batchItemFailures`` honestly (E8).
"""

from afterbay.handler.delivery import changes
from afterbay.handler.each import each
from afterbay.handler.environment import into_sink
from afterbay.handler.into import into
from afterbay.handler.poison import Poison

__all__ = ["Poison", "changes", "each", "into", "into_sink"]
