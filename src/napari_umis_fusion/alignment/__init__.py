"""Where the planes of a stack lie on one another: estimated, judged, and put right."""
