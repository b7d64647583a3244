"""Reading the text of a reply: what is said and what is thought, its blocks of code, the program among them."""
