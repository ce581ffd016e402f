"""The sample organisation: real flights of 2013 moved to the present, and an invented operator who runs on them."""
