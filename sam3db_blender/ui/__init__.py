"""What is drawn: panel, menu entry, and the settings that they show. No work is done here."""
