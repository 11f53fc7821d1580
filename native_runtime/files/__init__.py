"""Files: written completely or not at all, hashed, staged, found in the user's folders, and the standard streams."""
