"""Child processes: starting and ending them, JSON lines to and from them, exits in words, and errors between them."""
