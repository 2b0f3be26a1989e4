"""EventBridge's classic buses: who wants an event, and what each delivery of it goes through. Rules B of
``docs/semantics/event-bus.md``."""
