"""Input templates of EventBridge Pipes and input transformers of event buses: one grammar, one renderer."""
