"""Trained networks of the user: a library of them, and their export."""
