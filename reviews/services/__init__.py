"""Planning, opening and closing reviews, and what comes of them."""
