"""The kinds of sinks by the scheme of their addresses.

Loading these loads no SDK and no driver: a sink's own module does, when an address asks for it.
"""

from afterbay.sinks.schemes import bucket, dynamodb, lake, local, opensearch, postgres

__all__ = ["SCHEMES"]

SCHEMES = {
    **local.SCHEMES,
    **bucket.SCHEMES,
    **dynamodb.SCHEMES,
    **lake.SCHEMES,
    **opensearch.SCHEMES,
    **postgres.SCHEMES,
}
