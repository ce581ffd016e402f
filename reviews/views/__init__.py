"""The pages of forums and reviews."""
