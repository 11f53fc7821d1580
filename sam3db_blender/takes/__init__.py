"""Takes in the scene: characters that move as the people of a video did, before its camera."""
