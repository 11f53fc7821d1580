"""Where a photo was taken from: the focal length and the attitude of its camera, by all that the picture tells."""
