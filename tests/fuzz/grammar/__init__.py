"""Random nets as Python source, with what each axis of each of their layers holds."""
