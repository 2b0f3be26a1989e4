"""Which kind of template a document is, and its reader."""

from __future__ import annotations

from afterbay.declaration.cloudformation import read_cloudformation
from afterbay.declaration.document import Document
from afterbay.declaration.template import Template, Wanted

__all__ = ["read_template"]


def read_template(document: Document, wanted: Wanted) -> Template:
    """Read a CloudFormation, SAM or Terraform document. Raises ``SettingsError`` with file and line."""
    return read_cloudformation(document, wanted)
