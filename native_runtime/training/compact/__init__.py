"""Teaching ``native_runtime.compact``: what the landmark networks see in made pictures, and what is true of them."""
