"""A pipe compiled: what its settings come to when records arrive (X28)."""

from __future__ import annotations

from afterbay.core.change.source import SourceKind
from afterbay.core.pipe.definition import PipeSettings
from afterbay.core.pipe.enrichment import Enrichment
from afterbay.core.pipe.record import FORMS
from afterbay.core.pipe.target import Target
from afterbay.core.template.glance import Glance
from afterbay.core.template.implicit import ENCODED_FIELDS, Source
from afterbay.core.template.input_template import InputTemplate

__all__ = ["Plan", "compile_template"]

_SOURCES = {SourceKind.TABLE: "aws:dynamodb", SourceKind.KINESIS: "aws:kinesis", SourceKind.QUEUE: "aws:sqs"}


class Plan:
    """Made once for settings, used for every batch. Templates were checked when the pipe was saved; paths are looked at
    when one is rendered (X35)."""

    def __init__(self, settings: PipeSettings) -> None:
        self.settings = settings
        self.form: Source = FORMS[settings.kind]
        service = settings.enrichment_service
        self.enrichment: Enrichment | None = None
        if service is not None and settings.enrichment is not None:
            self.enrichment = Enrichment(service.kind, settings.enrichment, settings.enrichment_parameters)
        self.enrichment_template = _template(settings.enrichment_template)
        self.target_template = _template(settings.target_template)
        self.target = Target(
            settings.target_service,
            settings.target,
            settings.target_parameters,
            pipe=settings.name,
            source=_SOURCES[settings.kind],
        )
        self.glance = self._glance()
        self.context = {
            "pipe_arn": settings.arn,
            "pipe_name": settings.name,
            "source_arn": settings.source,
            "enrichment_arn": settings.enrichment,
            "target_arn": settings.target,
        }

    def _glance(self) -> Glance | None:
        """What of a record the target stage looks at, where that is less than all of it; None: read it whole."""
        template = self.target_template
        paths = None if template is None or self.enrichment is not None else template.paths
        if paths is None:
            return None
        looked_at = [*paths, *self.target.paths]
        encoded = any(path.first in ENCODED_FIELDS for path in looked_at) and self.form != "dynamodb"
        return None if encoded or not all(path.names for path in looked_at) else Glance(looked_at)


def compile_template(text: str) -> InputTemplate:
    """An input template as it is looked at when a pipe is saved. Raises ``TemplateError`` (X40)."""
    return InputTemplate(text, checked=False)


def _template(text: str | None) -> InputTemplate | None:
    return compile_template(text) if text else None
