"""Reading an answer: from words, LaTeX and Python's printing to terms."""
