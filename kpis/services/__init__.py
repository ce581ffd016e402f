"""Writing: recording values, judging them, pulling from sources, saying something about them."""
