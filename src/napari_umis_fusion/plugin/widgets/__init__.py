"""Widgets that know nothing of fusing or training: forms, run controls, jobs."""
