"""SmileSync: wearable lights that agree on a pattern, as pure functions from inputs to effects."""
