"""Focus measures: how sharp each pixel of a plane is."""
