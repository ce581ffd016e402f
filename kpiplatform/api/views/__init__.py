"""Pages about the interface for programs."""
