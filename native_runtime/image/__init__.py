"""Photos in: bytes of any common format to upright 8-bit sRGB pixels, and the facts that the file states about them."""
