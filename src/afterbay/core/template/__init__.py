"""Input templates of EventBridge Pipes and input transformers of event buses: one grammar, one renderer."""

from afterbay.core.template.dynamic import Parameter
from afterbay.core.template.errors import TemplateError
from afterbay.core.template.event import Event
from afterbay.core.template.input_template import InputTemplate
from afterbay.core.template.names import Context
from afterbay.core.template.path import MISSING, Path
from afterbay.core.template.transformer import TargetInput, input_violations, parse_target_input

__all__ = [
    "MISSING",
    "Context",
    "Event",
    "InputTemplate",
    "Parameter",
    "Path",
    "TargetInput",
    "TemplateError",
    "input_violations",
    "parse_target_input",
]
