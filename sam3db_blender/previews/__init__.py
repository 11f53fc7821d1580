"""Pictures of characters, as files and as icons in lists."""
