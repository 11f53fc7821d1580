"""Characters made from several photos of one person, and the cameras of all of them."""
