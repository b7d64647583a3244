"""Files: rows of many kinds, tables, and writing that is whole or not at all."""
