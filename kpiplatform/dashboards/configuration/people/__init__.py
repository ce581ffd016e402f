"""People: who they are, what roles they have, what they answer for."""
