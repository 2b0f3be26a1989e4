"""From a template to resources that exist: files read, code packed, and calls to an AWS-compatible address."""
