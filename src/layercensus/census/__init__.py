"""The result of a count: tables, arrays and where they came from, saved whole or not at all."""
