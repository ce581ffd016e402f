"""Work on what strangers wrote, in a process of its own within bounds. Knows no app."""
