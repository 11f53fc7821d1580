"""Handles on the photo: what an artist drags, and the loop that infers the pose again from them."""
