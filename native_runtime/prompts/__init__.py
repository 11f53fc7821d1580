"""What a person says about a photo (keypoints placed, ruled out or left alone), and how far to trust it."""
