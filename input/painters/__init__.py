"""Procedural painters: every module paints one style picture from a seed."""
