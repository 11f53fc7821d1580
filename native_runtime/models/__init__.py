"""Where model files lie, what they are (names, hashes, licences), and how they are fetched and verified."""
