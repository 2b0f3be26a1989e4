"""Which kind of template a document is, and its reader."""

from __future__ import annotations

from afterbay.declaration.cloudformation import read_cloudformation
from afterbay.declaration.document import Document
from afterbay.declaration.template import Template, Wanted
from afterbay.declaration.terraform import is_terraform, read_terraform

__all__ = ["read_template"]


def read_template(document: Document, wanted: Wanted) -> Template:
    """Read a CloudFormation, SAM or Terraform document. Raises ``SettingsError`` with file and line."""
    reader = read_terraform if is_terraform(document.value) else read_cloudformation
    return reader(document, wanted)
