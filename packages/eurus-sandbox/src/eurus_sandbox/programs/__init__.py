"""Programs judged from outside: by what they print, or by what their calls return."""
