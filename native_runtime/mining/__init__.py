"""Which photos of a folder go wrong, and what is hard about them, so that people correct those first."""
