"""What is shown: patterns, rendering, and the governor as last stage."""
