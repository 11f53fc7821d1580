"""From a photo to estimates: requests, reading, people, and what keeps engines and photos open between them."""
