"""Who is in a photo, and where their joints and fingers are seen: BlazePose and MediaPipe Hands for all engines."""
