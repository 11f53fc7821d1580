"""Files as such: written whole or not at all, hashed, staged, found in the user's folders, and the standard streams."""
