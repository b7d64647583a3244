"""Terms, and their values: exact, to fifty digits, over the reals."""
