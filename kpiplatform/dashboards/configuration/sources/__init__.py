"""Sources: when they are pulled, how the last pulls went, what each of them changed."""
