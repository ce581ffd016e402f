"""The tree of units, and the organisation at its top."""
