"""Model files: where they live, what they are (names, hashes, licences), and how they are built and verified."""
