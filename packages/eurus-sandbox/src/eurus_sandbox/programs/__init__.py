"""Judging whole programs: by what they print, by statements that must hold."""
