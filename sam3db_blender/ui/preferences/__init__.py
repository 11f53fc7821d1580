"""The extension's preferences as they are drawn: ``sections`` lists the sections, and each is a module of its own."""
