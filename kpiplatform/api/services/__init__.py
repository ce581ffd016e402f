"""Writing for programs: their tokens, and what they push."""
