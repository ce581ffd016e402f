"""The list of values that changed after they were first reported."""
